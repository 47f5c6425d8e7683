import "@clip-ts/core/gradients";
import "@tensorflow/tfjs-backend-cpu";
import { enableProdMode, ready, setBackend } from "@tensorflow/tfjs-core";

enableProdMode(); // silences the banner; checks stay on in our own code
await setBackend("cpu");
await ready();
