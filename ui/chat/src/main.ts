/** The phone page: puts the phone on the screen of this browser. */
import { readBindingCode } from "./bindingCode.ts";
import { openStore } from "./indexedStore.ts";
import { Phone, type World } from "./phone.ts";
import { randomBytes } from "./proof.ts";
import { BindView } from "./view/bindView.ts";
import { element, setText } from "./view/element.ts";
import type { Scene, View } from "./view/scene.ts";
import { TalkView } from "./view/talkView.ts";
import { deviceWord, type Language, preferredLanguage, speaking } from "./words.ts";

const LANGUAGE = "smartpi.language";

/** The code that was opened; out of the address bar and the history before anything else happens. */
function takeCode(): ReturnType<typeof readBindingCode> {
  const scanned = readBindingCode(location.hash);
  if (location.hash !== "" || location.pathname !== "/") history.replaceState(null, "", "/");
  return scanned;
}

function startLanguage(): Language {
  try {
    const chosen = localStorage.getItem(LANGUAGE);
    if (chosen === "zh" || chosen === "en") return chosen;
  } catch {
    // Nothing is kept here: the browser's own preference decides.
  }
  return preferredLanguage(navigator.languages);
}

/** The browser as the phone's world. */
function browserWorld(channel: BroadcastChannel | null, changed: () => void): World {
  let timer = 0;
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    bytes: randomBytes,
    dial(heard, closed) {
      const socket = new WebSocket(`ws://${location.host}/device`);
      socket.onmessage = (event: MessageEvent<unknown>) => heard(event.data);
      socket.onclose = (event) => closed(event.code);
      return {
        send: (text) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(text);
        },
        close: (code) => {
          socket.onmessage = socket.onclose = null;
          socket.close(code);
        },
      };
    },
    alarm(at, ring) {
      clearTimeout(timer);
      if (at !== null) timer = window.setTimeout(ring, Math.max(0, at - Date.now()));
    },
    announce: (what) => channel?.postMessage(what),
    changed,
  };
}

async function main(): Promise<void> {
  const scanned = takeCode();
  const app = document.getElementById("app") ?? document.body.appendChild(element("div", { id: "app" }));
  const announcer = document.getElementById("announce");
  const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("smartpi");
  let language = startLanguage();
  let view: View | null = null;
  let drawing = false;

  const store = await openStore();
  const phone = new Phone(
    store,
    browserWorld(channel, () => {
      if (drawing) return;
      drawing = true;
      queueMicrotask(draw);
    }),
  );

  function scene(): Scene {
    const say = speaking(language);
    return {
      phone,
      say,
      language,
      deviceName: say(deviceWord(navigator.userAgent, navigator.maxTouchPoints)),
      announce: (text) => announcer !== null && setText(announcer, text),
      reload: () => location.reload(),
      switchLanguage: () => {
        language = language === "en" ? "zh" : "en";
        try {
          localStorage.setItem(LANGUAGE, language);
        } catch {
          // It holds until the page closes.
        }
        view = null;
        draw();
        document.getElementById("language")?.focus();
      },
    };
  }

  function draw(): void {
    drawing = false;
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    const wanted = phone.page.is === "talk" ? TalkView : BindView;
    const fresh = !(view instanceof wanted);
    if (fresh) {
      view = new wanted(scene());
      app.replaceChildren(view.root);
    }
    view?.update();
    if (fresh) view?.focus();
    drawTitle();
  }

  let unseen = 0;
  let known: number | null = null;
  function drawTitle(): void {
    const replies = phone.conversation.all.filter((entry) => entry.who === "assistant").length;
    if (document.visibilityState === "visible" || known === null) unseen = 0;
    else unseen += Math.max(0, replies - known);
    known = replies;
    document.title = `${unseen > 0 ? `(${unseen}) ` : ""}${phone.service || "SmartPi"}`;
  }

  channel?.addEventListener("message", (event: MessageEvent<unknown>) => {
    if (event.data === "entries" || event.data === "identity") void phone.storeChanged(event.data);
  });
  const wake = (): void => {
    if (document.visibilityState !== "visible") return;
    phone.wake();
    drawTitle();
  };
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("pageshow", wake);
  window.addEventListener("online", wake);
  window.addEventListener("offline", () => phone.doubt());
  window.addEventListener("hashchange", () => {
    const opened = takeCode();
    if (opened.is !== "none") void phone.start(opened);
  });
  fitKeyboard();
  draw();
  await phone.start(scanned);
}

/** Keeps the composer above the keyboard where the browser lays it over the page. */
function fitKeyboard(): void {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const fit = (): void => {
    if (viewport.scale > 1.01) return;
    document.documentElement.style.setProperty("--height", `${viewport.height}px`);
    if (window.scrollY !== 0) window.scrollTo(0, 0);
  };
  viewport.addEventListener("resize", fit);
  fit();
}

void main();
