/** An OpenAI-compatible model that says what a script tells it: enough of `/v1/chat/completions` for OpenClaw. */

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * The last word of the person decides: `say <text>`, `slow <ms> <text>` (one word after the other), `fail <status>`, `push <device> <text>`
 * (through the message tool). Anything else is answered with `echo: ...`.
 */
export class ScriptedModel {
  /** What the person's last message was in each request. */
  readonly asked: string[] = [];
  /** Bodies of the requests. */
  readonly bodies: string[] = [];
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      void this.#answer(Buffer.concat(chunks).toString("utf8"), response).catch((error: unknown) => response.destroy(error as Error));
    });
  });

  async start(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(body: string, response: ServerResponse): Promise<void> {
    const { messages, tools = [] } = JSON.parse(body) as { messages: { role: string; content: unknown }[]; tools?: { function?: { name?: string } }[] };
    this.bodies.push(body);
    const said = lastWords(messages);
    this.asked.push(said);
    const [verb = "", ...rest] = said.split(" ");
    const afterTool = messages.findLastIndex((message) => message.role === "tool") > messages.findLastIndex((message) => message.role === "user" && contentText(message.content).includes(said));
    if (verb === "fail") {
      response.writeHead(Number(rest[0] ?? 500), { "content-type": "application/json" }).end(JSON.stringify({ error: { message: "scripted failure" } }));
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const chunk = (delta: object, finish: string | null = null): void =>
      void response.write(`data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m1", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`);
    chunk({ role: "assistant", content: "" });
    if (verb === "push" && !afterTool) {
      const [device, ...words] = rest;
      const args = { action: "send", channel: "openclaw-smartpi", target: device, message: words.join(" ") };
      // Newer hosts keep most tools behind one that calls them.
      const isBehind = !tools.some((tool) => tool.function?.name === "message");
      const call = isBehind ? { name: "tool_call", arguments: JSON.stringify({ id: "message", args }) } : { name: "message", arguments: JSON.stringify(args) };
      chunk({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: call }] });
      chunk({}, "tool_calls");
    } else {
      const pause = verb === "slow" ? Number(rest[0]) : 0;
      const text = verb === "say" ? rest.join(" ") : verb === "slow" ? rest.slice(1).join(" ") : verb === "push" ? "pushed" : `echo: ${said}`;
      for (const word of text.split(/(?<= )/)) {
        chunk({ content: word });
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      }
      chunk({}, "stop");
    }
    response.write(`data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m1", choices: [], usage: { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 } })}\n\n`);
    response.end("data: [DONE]\n\n");
  }
}

const ORDER = /(?:^|\] )((?:say|slow|fail|push) .*)$/;

/** The order in the person's last message, or its last line; the host puts lines before and behind the person's own. */
function lastWords(messages: { role: string; content: unknown }[]): string {
  const lines = messages
    .filter((message) => message.role === "user")
    .flatMap(({ content }) => contentText(content).replace(/<<<BEGIN_OPENCLAW_INTERNAL[^]*?<<<END_OPENCLAW_INTERNAL_CONTEXT>>>/g, "").trimEnd().split("\n"));
  return lines.map((line) => ORDER.exec(line)?.[1]).findLast((order) => order !== undefined) ?? lines.findLast((line) => line !== "") ?? "";
}

function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? "").join("\n") : "";
}
