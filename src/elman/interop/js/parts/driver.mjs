// Runs exported modules: reads jobs as JSON, each {module, x, features, state}, rows first, and answers them.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const answers = [];
for (const job of JSON.parse(readFileSync(0, "utf-8"))) {
  const land = await import(pathToFileURL(job.module).href);
  const rows = job.x.map((steps, b) => {
    const state = land.createState();
    state.layers.forEach((own, k) =>
      land.spec.states.forEach((name, n) => own[name].set(job.state[k][n][b])),
    );
    const y = steps.map((input, t) => Array.from(land.step(state, input, job.features?.[b][t])));
    return { y, state: state.layers.map((own) => land.spec.states.map((name) => Array.from(own[name]))) };
  });
  answers.push(rows);
}
process.stdout.write(JSON.stringify(answers));
