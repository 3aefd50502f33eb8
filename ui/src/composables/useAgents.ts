import { computed, inject, onScopeDispose, provide, shallowRef, watch, type InjectionKey } from "vue";

import { failureOf, useBackend, type DeviceRoute, type Failure, type GatewayAgent, type GatewayAgents } from "../backend";
import { useView } from "../view";

type Agents = ReturnType<typeof askAgents>;
const KEY: InjectionKey<Agents> = Symbol("agents");

/** Who answers which device: asked once for the page, while SmartPi is connected to OpenClaw, and anew whenever it may have changed. */
function askAgents() {
  const backend = useBackend();
  const told = shallowRef<GatewayAgents | null>(null);
  const failure = shallowRef<Failure | null>(null);
  /** Rises when what is under way is not wanted any more. */
  let round = 0;

  const revision = computed(() => {
    const { assistant, devices, gateway } = useView();
    const wanted = gateway.state === "online" && assistant.kind === "gateway" && devices.length > 0;
    return wanted ? `${gateway.agentsRevision} ${devices.map(({ deviceKey }) => deviceKey).join(" ")}` : null;
  });

  async function load(): Promise<void> {
    const mine = ++round;
    try {
      const answer = await backend.gatewayAgents();
      if (mine !== round) return;
      told.value = answer;
      failure.value = null;
    } catch (error) {
      if (mine === round) failure.value = failureOf(error);
    }
  }

  watch(
    revision,
    (now) => {
      if (now !== null) {
        void load();
        return;
      }
      round += 1;
      told.value = null;
      failure.value = null;
    },
    { immediate: true },
  );
  onScopeDispose(() => (round += 1));

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
