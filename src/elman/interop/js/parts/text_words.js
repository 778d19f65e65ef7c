const known = new Map(vocabulary.symbols.map((symbol, k) => [symbol, k]).slice(1));

// The symbols of a text: what stands between blanks, and each line end; new words become symbol 0.
export function encode(text) {
  const words = text.match(/\n|[^\t-\r\x1c-\x20\x85\p{Z}]+/gu) ?? [];
  return words.map((word) => known.get(word) ?? 0);
}

// The text of symbols, words joined by a blank.
export function decode(symbols) {
  const words = Array.from(symbols, (symbol) => vocabulary.symbols[symbol]);
  return words.join(" ").replaceAll(" \n", "\n").replaceAll("\n ", "\n");
}
