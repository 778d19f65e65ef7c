const known = new Map(vocabulary.symbols.map((symbol, k) => [symbol, k]).slice(1));

// The symbols of a text; what is new becomes symbol 0, the unknown one.
export function encode(text) {
  return Array.from(text, (letter) => known.get(letter) ?? 0);
}

// The text of symbols; the unknown one becomes U+FFFD.
export function decode(symbols) {
  return Array.from(symbols, (symbol) => (symbol ? vocabulary.symbols[symbol] : "\ufffd")).join("");
}
