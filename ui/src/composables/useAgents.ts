import { computed, inject, provide, type InjectionKey } from "vue";

import { useBackend, type DeviceRoute, type GatewayAgent } from "../backend";
import { useView } from "../view";
import { useAsked } from "./useAsked";

type Agents = ReturnType<typeof askAgents>;
const KEY: InjectionKey<Agents> = Symbol("agents");

/** Who answers which device: asked once for the page, while SmartPi is connected to OpenClaw, and anew whenever it may have changed. */
function askAgents() {
  const backend = useBackend();
  const revision = computed(() => {
    const { assistant, devices, gateway } = useView();
    const wanted = gateway.state === "online" && assistant.kind === "gateway" && devices.length > 0;
    return wanted ? `${gateway.agentsRevision} ${devices.map(({ deviceKey }) => deviceKey).join(" ")}` : null;
  });

  const { told, failure, load } = useAsked(revision, () => backend.gatewayAgents());

  const agents = computed<readonly GatewayAgent[] | null>(() => told.value?.agents ?? null);
  const agentOf = (id: string | null): GatewayAgent | null => agents.value?.find((agent) => agent.id === id) ?? null;
  const routeOf = (deviceKey: string): DeviceRoute | null => told.value?.routes.find((route) => route.deviceKey === deviceKey) ?? null;
  return { agents, agentOf, routeOf, failure, load };
}

/** For the page whose rows ask {@link useAgents}. */
export function provideAgents(): void {
  provide(KEY, askAgents());
}

export function useAgents(): Agents {
  const agents = inject(KEY);
  if (agents === undefined) throw new Error("no page provides the agents");
  return agents;
}

/** What a person calls an agent. */
export function agentName({ id, name }: GatewayAgent): string {
  return name ?? id;
}
