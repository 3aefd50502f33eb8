// What a page can try against another address without the person's help. Run as the body of an async function in a page of that
// stranger; `arguments[0]` is the service, such as "192.168.77.1:8765". Gives what the page got, attempt by attempt.
const target = arguments[0];
const paths = ["/", "/b", "/index.html", "/healthz", "/metrics", "/device", "/openclaw"];
const got = {};

const withLimit = (promise) => Promise.race([promise, new Promise((end) => setTimeout(end, 5000, "nothing in 5 s"))]);

async function ask(path, options) {
  try {
    const answer = await fetch(`http://${target}${path}`, options);
    return { type: answer.type, status: answer.status, text: await answer.text(), headers: [...answer.headers.keys()] };
  } catch (error) {
    return { refused: String(error) };
  }
}

// The element tells only whether something usable came.
const element = (name, attributes) =>
  withLimit(
    new Promise((end) => {
      const made = document.createElement(name);
      made.onload = () => end("load");
      made.onerror = () => end("error");
      Object.assign(made, attributes);
      document.body.append(made);
    }),
  );

const socket = (path, protocols) =>
  withLimit(
    new Promise((end) => {
      const seen = { opened: false, frames: [] };
      const opened = new WebSocket(`ws://${target}${path}`, protocols);
      opened.onopen = () => {
        seen.opened = true;
      };
      opened.onmessage = (event) => {
        seen.frames.push(JSON.parse(event.data).t);
        opened.close();
      };
      opened.onclose = (event) => end({ ...seen, code: event.code });
    }),
  );

for (const path of paths) {
  got[`cors ${path}`] = await ask(path, { credentials: "include" });
  got[`no-cors ${path}`] = await ask(path, { mode: "no-cors", credentials: "include" });
  got[`post ${path}`] = await ask(path, { mode: "no-cors", method: "POST", body: '{"do":"bind.start"}' });
  got[`beacon ${path}`] = navigator.sendBeacon(`http://${target}${path}`, "{}");
}
got["preflight"] = await ask("/healthz", { method: "PUT", headers: { "x-smartpi": "1" }, body: "{}" });
got["img"] = await element("img", { src: `http://${target}/?${Math.random()}` });
got["script"] = await element("script", { src: `http://${target}/?${Math.random()}` });
got["style"] = await element("link", { rel: "stylesheet", href: `http://${target}/?${Math.random()}` });
got["ws /device"] = await socket("/device");
got["ws /openclaw"] = await socket("/openclaw");
got["ws /device, named protocol"] = await socket("/device", ["smartpi"]);
got["events"] = await withLimit(
  new Promise((end) => {
    const source = new EventSource(`http://${target}/healthz`);
    source.onopen = () => end("open");
    source.onerror = () => {
      source.close();
      end("error");
    };
  }),
);

// A form and a frame: the page cannot look into either; what they hold is read from outside.
const loaded = (frame) => new Promise((end) => frame.addEventListener("load", () => end("load"), { once: true }));

function look(frame) {
  try {
    return frame.contentWindow.document.body.innerText;
  } catch {
    // Another origin: the page may not look.
    return null;
  }
}

const framed = document.createElement("iframe");
framed.src = `http://${target}/`;
const shown = loaded(framed);
document.body.append(framed);
got["frame framed"] = await withLimit(shown);
got["look into framed"] = look(framed);

const posted = document.createElement("iframe");
posted.name = "posted";
const blank = loaded(posted);
document.body.append(posted);
await withLimit(blank);
const form = document.createElement("form");
Object.assign(form, { method: "post", action: `http://${target}/b`, target: "posted", enctype: "text/plain" });
document.body.append(form);
const answered = loaded(posted);
form.submit();
got["frame posted"] = await withLimit(answered);
got["look into posted"] = look(posted);
return got;
