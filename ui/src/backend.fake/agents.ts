import type { DeviceRoute, GatewayAgent, RoutePlan, Language } from "../backend";

const NAMES = { en: { main: "Home", kitchen: "Cook" }, zh: { main: "管家", kitchen: "厨师" } };

/** OpenClaw's agents: one that it takes by itself, one with a name, one without. */
export function homeAgents(tongue: Language): GatewayAgent[] {
  return [
    { id: "main", name: NAMES[tongue].main, model: "openai/gpt-6-astra", isDefault: true },
    { id: "kitchen", name: NAMES[tongue].kitchen, model: "anthropic/claude-haiku-4-5", isDefault: false },
    { id: "research", name: null, model: null, isDefault: false },
  ];
}

export const byDefault = (deviceKey: string): DeviceRoute => ({ deviceKey, agent: "main", known: true, because: "gatewayDefault" });

/** What OpenClaw's configuration gets for a choice. */
export function samplePlan(now: DeviceRoute, agent: string | null): RoutePlan {
  const binding = (id: string | null) => JSON.stringify({ agentId: id, match: { channel: "openclaw-smartpi", peer: { kind: "direct", id: now.deviceKey } } });
  const then: DeviceRoute = agent === null ? byDefault(now.deviceKey) : { ...now, agent, known: true, because: "chosen" };
  const change = { path: "bindings", before: now.because === "chosen" ? binding(now.agent) : null, after: agent === null ? null : binding(agent) };
  return { shown: `${now.deviceKey} ${agent}`, changes: [change], commentsLost: true, backups: "/home/anna/.local/share/smartpi/backups", now, then };
}
