import { createApp } from "vue";

import App from "./App.vue";
import { choose, tauriBackend, type Backend } from "./backend";
import "./styles/tone.css";
import "./styles/parts.css";

/** The real program; in a browser, while the window is being made, one that is not there. No release carries it. */
async function program(): Promise<Backend> {
  if (import.meta.env.MODE !== "production" && !("__TAURI_INTERNALS__" in window)) {
    const { fakeOf } = await import("./backend.fake");
    return fakeOf(new URLSearchParams(location.search));
  }
  return tauriBackend();
}

async function start(): Promise<void> {
  choose(await program());
  createApp(App).mount("#app");
}

void start();
