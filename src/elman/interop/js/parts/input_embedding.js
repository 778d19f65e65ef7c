// a = U x of the first layer, x the row of the symbol in the embedding, and features behind it.
function readInput(symbol, features) {
  checkSymbol(symbol);
  if (spec.features) checkVector("features", features, spec.features);
  const size = spec.reads - spec.features;
  x.set(E.subarray(symbol * size, (symbol + 1) * size));
  if (spec.features) x.set(features, size);
  first.a.fill(0);
  addProduct(first.U, 0, spec.reads, x, spec.reads, first.a);
}
