/** Node's timers hold no more milliseconds, which are 24 days: a longer one fires at once. */
const longest = 2 ** 31 - 1;

/** Calls a function once after a span in milliseconds, however long it is. Disposing of it calls it off. */
export function startTimer(milliseconds: number, act: () => void): Disposable {
  let left = milliseconds;
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    const part = Math.min(left, longest);
    left -= part;
    timer = setTimeout(left > 0 ? wait : act, part);
  };
  wait();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
