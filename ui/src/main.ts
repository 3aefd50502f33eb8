import { createApp } from "vue";

import App from "./App.vue";
import { choose } from "./backend";
import "./styles/tone.css";
import "./styles/parts.css";

async function start(): Promise<void> {
  const { fakeOf } = await import("./backend.fake");
  choose(fakeOf(new URLSearchParams(location.search)));
  createApp(App).mount("#app");
}

void start();
