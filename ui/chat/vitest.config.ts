import { defineConfig } from "vitest/config";

// Without a file of its own, vitest would take the window's from the folder above.
export default defineConfig({ test: { environment: "node", include: ["test/**/*.test.ts"] } });
