// A page of another node goes on here: what it brought along is kept as if it had been typed here, then the conversation opens.
import { takeKept } from "./chat/memory.mjs";

const { me, next, kept } = JSON.parse(document.querySelector("#boot").textContent);
takeKept(me, kept);
location.replace(new URL(next, location.href));
