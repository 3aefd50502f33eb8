import type { BindEvent, Failure, Page, View } from "../backend";

/** Adds a listener until the returned function is called. */
function follow<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Who is told of what. */
export class Listeners {
  protected readonly views = new Set<(view: View) => void>();
  protected readonly pages = new Set<(page: Page) => void>();
  protected readonly binds = new Set<(bind: string, event: BindEvent) => void>();
  protected readonly losses = new Set<(failure: Failure) => void>();

  async onView(listener: (view: View) => void): Promise<() => void> {
    return follow(this.views, listener);
  }

  async onPage(listener: (page: Page) => void): Promise<() => void> {
    return follow(this.pages, listener);
  }

  async onBind(listener: (bind: string, event: BindEvent) => void): Promise<() => void> {
    return follow(this.binds, listener);
  }

  async onOwnerLost(listener: (failure: Failure) => void): Promise<() => void> {
    return follow(this.losses, listener);
  }
}
