// The union package registers tfjs's gradient functions and the cpu backend.
import "@tensorflow/tfjs";
import { enableProdMode, ready, setBackend } from "@tensorflow/tfjs-core";

enableProdMode(); // silences the banner; checks stay on in our own code
await setBackend("cpu");
await ready();
