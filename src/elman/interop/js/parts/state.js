// A state as bytes, those of elman's streams: `network.stream(bytes)` in Python goes on from them.
//   8 "ELMSTATE"   2 version, 1   2 bytes of a number   16 cell and activation   4 layers   4 units of each
//   ... the numbers, layer by layer: h and then, of an LSTM, s   4 CRC-32; all of it little-endian
function stateHeader() {
  const header = new DataView(new ArrayBuffer(32 + 4 * layers.length));
  [..."ELMSTATE"].forEach((letter, k) => header.setUint8(k, letter.charCodeAt(0)));
  header.setUint16(8, 1, true);
  header.setUint16(10, SIZE, true);
  const cellName = [...`${spec.cell}-${spec.activation}`];
  cellName.forEach((letter, k) => header.setUint8(12 + k, letter.charCodeAt(0)));
  header.setUint32(28, layers.length, true);
  layers.forEach(({ H }, k) => header.setUint32(32 + 4 * k, H, true));
  return new Uint8Array(header.buffer);
}

const STATE = stateHeader();
const COUNT = spec.states.length * layers.reduce((sum, { H }) => sum + H, 0);

export function saveState(state) {
  const bytes = new Uint8Array(STATE.length + COUNT * SIZE + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(STATE);
  let place = STATE.length;
  for (const own of state.layers) {
    for (const name of spec.states) {
      for (const value of own[name]) {
        if (SIZE === 4) view.setFloat32(place, value, true);
        else view.setFloat64(place, value, true);
        place += SIZE;
      }
    }
  }
  view.setUint32(place, checksum(bytes.subarray(0, place)), true);
  return bytes;
}

// The state of bytes that `saveState` or a stream of elman gave; all others are refused.
export function loadState(bytes, seed = 0) {
  const length = STATE.length + COUNT * SIZE + 4;
  if (bytes?.length !== length || STATE.some((byte, k) => bytes[k] !== byte)) {
    throw new RangeError(`${bytes?.length} bytes came; a state of this network has ${length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  if (view.getUint32(length - 4, true) !== checksum(bytes.subarray(0, length - 4))) {
    throw new RangeError("the state is damaged: the checksum of its bytes is another");
  }
  const state = createState(seed);
  let place = STATE.length;
  for (const own of state.layers) {
    for (const name of spec.states) {
      for (let i = 0; i < own[name].length; i++, place += SIZE) own[name][i] = readNumber(view, place);
    }
  }
  return state;
}
