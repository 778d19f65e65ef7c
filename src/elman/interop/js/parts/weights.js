const Numbers = spec.dtype === "float32" ? Float32Array : Float64Array;
const SIZE = Numbers.BYTES_PER_ELEMENT;

// CRC-32 of bytes, as in zlib: of the weights, and of saved states.
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, k) => {
  for (let bit = 0; bit < 8; bit++) k = k & 1 ? (k >>> 1) ^ 0xedb88320 : k >>> 1;
  return k;
});

function checksum(bytes) {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = REMAINDERS[(rest ^ byte) & 255] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}

function readNumber(view, place) {
  return SIZE === 4 ? view.getFloat32(place, true) : view.getFloat64(place, true);
}

// The parameters by name, each a row-major array: little-endian numbers side by side, in base64.
function readWeights(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = letters.charCodeAt(k);
  const count = spec.parameters.reduce((sum, [, rows, columns]) => sum + rows * columns, 0);
  if (bytes.length !== count * SIZE || checksum(bytes) !== spec.checksum) {
    throw new RangeError(`the weights are damaged: ${bytes.length} bytes, expected ${count * SIZE}`);
  }
  const view = new DataView(bytes.buffer);
  const flat = new Numbers(count);
  for (let k = 0; k < count; k++) flat[k] = readNumber(view, k * SIZE);
  const named = {};
  let start = 0;
  for (const [name, rows, columns] of spec.parameters) {
    named[name] = flat.subarray(start, start + rows * columns);
    start += rows * columns;
  }
  return named;
}
