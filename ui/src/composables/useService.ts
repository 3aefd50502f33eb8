import { useBackend } from "../backend";
import { useAttempt } from "./useAttempt";

const { busy, failure, attempt } = useAttempt();

/** Starting and stopping the service: the switch and the notes are one and the same. A start that fails also shows as the phase `failed`. */
export function useService() {
  const backend = useBackend();
  return {
    busy,
    failure,
    start: () => attempt(() => backend.startService()),
    stop: () => attempt(() => backend.stopService()),
    takePort: (port: number) =>
      attempt(async () => {
        await backend.changeSettings({ port });
        await backend.startService();
      }),
  };
}
