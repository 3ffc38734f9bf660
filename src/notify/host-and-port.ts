import { AppError } from '../base/errors.ts';
import { plainLine } from './plain-line.ts';

/** Reads `host`, `host:port` or `[::1]:port`. @throws AppError `input/invalid` */
export function hostAndPort(
  text: string,
  fallback: number,
): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/iu.exec(text);
  const port = Number(match?.[3] ?? fallback);
  const host = match?.[1] ?? match?.[2];
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
  throw new AppError('input/invalid', `"${plainLine(text, 100)}" is not a host with a port`, {
    hint: 'Write host or host:port',
  });
}
