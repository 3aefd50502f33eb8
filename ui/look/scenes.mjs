/** What is looked at: a scene of src/backend.fake/scenes.ts, and what a person does in it before the picture is taken. */

const click = (test) => (page) => page.locator(`[data-test="${test}"]`).first().click();
const open = (test) => (page) => page.locator(`[data-test="${test}"] summary`).first().click();
const steps =
  (...all) =>
  async (page) => {
    for (const step of all) await step(page);
  };

export const SCENES = [
  { name: "devices", scene: "home" },
  { name: "devices-details", scene: "details" },
  { name: "devices-menu", scene: "home", act: (page) => page.locator('[data-test="device-menu"]').nth(1).click() },
  { name: "devices-rename", scene: "home", act: steps(click("device-menu"), click("device-rename")) },
  { name: "devices-tested", scene: "home", act: steps((page) => page.locator('[data-test="device-menu"]').nth(3).click(), click("device-test")) },
  { name: "devices-remove", scene: "remove" },
  { name: "devices-script", scene: "home", act: steps(click("add-script"), (page) => page.locator('[data-test="script-name"]').fill("Morning news")) },
  { name: "devices-token", scene: "home", act: steps(click("add-script"), (page) => page.locator('[data-test="script-name"]').fill("晨报 Morning"), click("script-make"), open("script-try")) },
  { name: "devices-token-here", scene: "bind-refused", act: steps(click("nav-devices"), click("add-script"), (page) => page.locator('[data-test="script-name"]').fill("Cron"), click("script-make")) },
  { name: "devices-empty", scene: "empty" },
  { name: "devices-pending", scene: "pending" },
  { name: "devices-asks", scene: "asks" },
  { name: "devices-stopped", scene: "stopped" },
  { name: "devices-port", scene: "port" },
  { name: "devices-away", scene: "away" },
  { name: "devices-echo", scene: "echo" },
  { name: "loading", scene: "loading" },
  { name: "lost", scene: "lost", act: open("failure") },
  { name: "searching", scene: "searching" },
  { name: "bind", scene: "bind" },
  { name: "bind-unproven", scene: "bind-unproven", act: open("bind-hints") },
  { name: "bind-hand", scene: "bind", act: open("bind-hand") },
  { name: "bind-ask", scene: "bind-ask" },
  { name: "bind-refused", scene: "bind-refused" },
  { name: "bind-absent", scene: "bind-absent" },
  { name: "bind-scanned", scene: "bind-scanned" },
  { name: "bind-confirming", scene: "bind-confirming" },
  {
    name: "bind-wrong",
    scene: "bind-confirming",
    act: steps((page) => page.locator('[data-test="bind-code"]').pressSequentially("07"), click("bind-confirm"), (page) => page.locator('[data-test="bind-code"]').pressSequentially("4")),
  },
  { name: "bind-announced", scene: "bind-announced" },
  { name: "bind-allow", scene: "bind-allow" },
  { name: "bind-bound", scene: "bind-bound" },
  { name: "bind-failed", scene: "bind-failed" },
  { name: "bind-stopped", scene: "bind-stopped" },
  { name: "activity", scene: "activity" },
  { name: "activity-open", scene: "activity", act: (page) => page.locator('[data-test="activity-turn"] button').nth(1).click() },
  { name: "activity-empty", scene: "activity-empty" },
  { name: "settings", scene: "settings", whole: true },
  { name: "settings-troubled", scene: "settings-troubled", whole: true },
  { name: "settings-setup", scene: "settings", act: click("settings-look") },
  { name: "settings-report", scene: "settings", act: click("make-report") },
  { name: "settings-report-saved", scene: "settings", act: steps(click("make-report"), click("report-save")) },
  { name: "settings-quit", scene: "settings", act: click("quit") },
  { name: "welcome-1", scene: "welcome" },
  { name: "welcome-2", scene: "welcome", act: steps(click("welcome-next"), open("setup-plan")), whole: true },
  { name: "welcome-2-looking", scene: "welcome-looking", act: click("welcome-next") },
  { name: "welcome-2-none", scene: "welcome-none", act: click("welcome-next") },
  { name: "welcome-2-foreign", scene: "welcome-foreign", act: click("welcome-next") },
  { name: "welcome-2-failed", scene: "welcome-failed", act: steps(click("welcome-next"), click("setup-install")) },
  { name: "welcome-2-restart", scene: "welcome", act: steps(click("welcome-next"), click("setup-install")) },
  { name: "welcome-3", scene: "welcome", act: steps(click("welcome-next"), click("welcome-next")) },
];
