// a = U x of the first layer; x: a vector, or for a symbol the vector with 1 at its place.
function readInput(input) {
  if (typeof input === "number") {
    checkSymbol(input);
    first.a.set(columns.subarray(input * first.a.length, (input + 1) * first.a.length));
    return;
  }
  checkVector("input", input, spec.inputs);
  x.set(input);
  first.a.fill(0);
  addProduct(first.U, 0, spec.reads, x, spec.reads, first.a);
}
