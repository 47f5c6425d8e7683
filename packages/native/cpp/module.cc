// Node.js loads libraries that have this function. Operations register themselves with TensorFlow, whose
// libraries must be there already, when this one is loaded; what is told is which GEMM multiplies matrices here.
#include "gemm.h"

// Of Node.js' own interface, which every version of it has.
extern "C" {
int napi_create_int32(void* env, int32_t value, void** result);
int napi_set_named_property(void* env, void* object, const char* name, void* value);

__attribute__((visibility("default"))) void* napi_register_module_v1(void* env, void* exports) {
  void* value = nullptr;
  napi_create_int32(env, clip_ts::ChooseGemm(), &value);
  napi_set_named_property(env, exports, "gemm", value);
  return exports;
}
}
