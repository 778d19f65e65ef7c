// Byte pairs, Sennrich et al. 2016: symbols 0 to 255 are bytes, each merge joins two symbols; a merge that
// spells what is there already makes no new one. Of two pairs the earlier merge comes first.
const tokens = Array.from({ length: 256 }, (_, byte) => [byte]);
const merges = new Map(); // pair of symbols -> [its rank, the symbol it becomes]
{
  const spelled = new Map(tokens.map((token, k) => [String(token), k]));
  vocabulary.merges.forEach(([left, right], rank) => {
    const token = [...tokens[left], ...tokens[right]];
    if (!spelled.has(String(token))) {
      spelled.set(String(token), tokens.length);
      tokens.push(token);
    }
    merges.set(`${left} ${right}`, [rank, spelled.get(String(token))]);
  });
}

const BLANK = "\\t-\\r\\x85\\p{Z}";
const PIECES = new RegExp(
  "\\n|'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+" +
    `| ?[^${BLANK}\\p{L}\\p{N}]+|(?:(?!\\n)[${BLANK}])+(?![^${BLANK}])|(?:(?!\\n)[${BLANK}])+`,
  "gu",
);

function mergeOf(left, right) {
  return merges.get(`${left} ${right}`) ?? [Infinity];
}

// Join the pair of the earliest merge, everywhere, until there is none. Where a join makes a pair of a still
// earlier merge, as one that spells what is there already can, that pair comes first.
function joined(symbols) {
  for (;;) {
    let first = Infinity;
    for (let k = 0; k + 1 < symbols.length; k++) {
      first = Math.min(first, mergeOf(symbols[k], symbols[k + 1])[0]);
    }
    if (first === Infinity) return symbols;
    const made = [];
    let k = 0;
    for (let earlier = false; k < symbols.length && !earlier; k++) {
      const [rank, whole] = mergeOf(symbols[k], symbols[k + 1]);
      if (rank !== first) {
        made.push(symbols[k]);
        continue;
      }
      k += 1;
      earlier = mergeOf(made.at(-1), whole)[0] < first || mergeOf(whole, symbols[k + 1])[0] < first;
      made.push(whole);
    }
    symbols = made.concat(symbols.slice(k));
  }
}

// The symbols of a text.
export function encode(text) {
  const bytes = new TextEncoder();
  return (text.match(PIECES) ?? []).flatMap((piece) => joined(Array.from(bytes.encode(piece))));
}

// The text of symbols; bytes that are not UTF-8 become U+FFFD.
export function decode(symbols) {
  const bytes = Array.from(symbols).flatMap((symbol) => tokens[symbol]);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}
