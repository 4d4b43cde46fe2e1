import type { Pointed } from "@/chart/candle-chart";

/** What the pointer is over. Kept apart from the page, so that moving it draws the legend anew and nothing else. */
export class Pointer {
  private pointed: Pointed | null = null;
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly read = (): Pointed | null => this.pointed;

  readonly set = (pointed: Pointed | null): void => {
    const { pointed: held } = this;
    if (held?.index === pointed?.index && held?.price === pointed?.price) return;
    this.pointed = pointed;
    for (const listener of this.listeners) listener();
  };
}
