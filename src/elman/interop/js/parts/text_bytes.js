// The symbols of a text: the bytes of UTF-8.
export function encode(text) {
  return Array.from(new TextEncoder().encode(text));
}

// The text of symbols; bytes that are not UTF-8 become U+FFFD.
export function decode(symbols) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(symbols));
}
