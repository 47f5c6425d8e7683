// Node.js loads libraries that have this function. Operations register themselves with TensorFlow, whose
// libraries must be there already, when this one is loaded; what is told is which of them can run here.
#include "product.h"

// Of Node.js' own interface, which every version of it has.
extern "C" {
int napi_get_boolean(void* env, bool value, void** result);
int napi_set_named_property(void* env, void* object, const char* name, void* value);

__attribute__((visibility("default"))) void* napi_register_module_v1(void* env, void* exports) {
  void* value = nullptr;
  napi_get_boolean(env, clip_ts::HasProducts(), &value);
  napi_set_named_property(env, exports, "hasProducts", value);
  return exports;
}
}
