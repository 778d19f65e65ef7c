// a = U x of the first layer, x a vector with 1 at the place of the symbol, and features behind it.
function readInput(symbol, features) {
  checkSymbol(symbol);
  checkVector("features", features, spec.features);
  x.set(features);
  first.a.set(columns.subarray(symbol * first.a.length, (symbol + 1) * first.a.length));
  addProduct(first.U, spec.inputs, spec.reads, x, spec.features, first.a);
}
