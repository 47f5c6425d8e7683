// Node.js loads libraries that have this function. Loading is all that is wanted: operations register
// themselves with TensorFlow, whose libraries must be there already.
extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*, void* exports) {
  return exports;
}
