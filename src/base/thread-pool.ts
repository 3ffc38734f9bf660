import { stat } from 'node:fs';

/**
 * Has Node's thread pool told of new work now and then. In the C library of Debian 12 and of others (glibc 2.27 to 2.40, its bug 25847) a thread that is told of work may sleep on, rarely: what
 * it was to do, a call of the file system for one, is not done before the pool is told of something else, and who waits for it would wait for ever. Does not keep the program from ending.
 *
 * @param pause in milliseconds
 */
export function keepPoolAwake(pause = 5000): Disposable {
  const timer = setInterval(() => stat('/', () => undefined), pause);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
