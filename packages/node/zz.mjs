import sharp from "sharp"; import { readFileSync } from "node:fs";
import {decodeImage} from "./dist/index.js";
for (const [f,d,T] of [["i32","int",Int32Array],["f32","float",Float32Array]]) for (const cs of [null,"b-w","grey16"]) { let s=sharp(`/tmp/t/${f}.tif`); if(cs) s=s.toColourspace(cs); const {data,info}=await s.raw({depth:d}).toBuffer({resolveWithObject:true}); console.log(f,cs,info.channels,info.depth,Array.from(new T(new Uint8Array(data).buffer)).slice(0,12)); 
 s=sharp(`/tmp/t/${f}.tif`).pipelineColourspace("b-w").toColourspace("b-w"); {const {data,info}=await s.raw({depth:d}).toBuffer({resolveWithObject:true}); console.log(" pipeline",f,cs,info.channels,Array.from(new T(new Uint8Array(data).buffer)).slice(0,12));}
 }
const p=await decodeImage(readFileSync("/tmp/t/b.png"),"b"); console.log(p.channels,p.mode,Array.from(p.data.slice(0,40)));
