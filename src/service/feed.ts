/** Hands events to whoever listens at the moment; a listener that throws harms neither the teller nor the others. */
export class Feed<Event> {
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void = () => undefined) {
    this.#onError = onError;
  }

  publish(event: Event): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  /** Dispose of the answer to stop listening. */
  subscribe(listener: (event: Event) => void): Disposable {
    // Of its own, so that one function may listen twice.
    const own = (event: Event): void => listener(event);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }
}
