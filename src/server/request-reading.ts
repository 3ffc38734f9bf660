import type { HonoRequest } from 'hono';

import type { Kept } from '../catalog/catalog.ts';
import { HttpError } from './error-answer.ts';

/** No document has more levels; what reads one goes down level by level, for which there is only so much room. */
const DEEPEST = 100;

/** The JSON that was sent. */
export async function readJson(request: HonoRequest): Promise<unknown> {
  const type = request.header('content-type') ?? '';
  if (!/^application\/(?:[\w.-]+\+)?json\b/iu.test(type)) {
    throw new HttpError(415, 'unsupported-type', 'The request must be JSON', {
      hint: 'Send "Content-Type: application/json"',
    });
  }
  let value: unknown;
  try {
    value = await request.json();
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, 'bad-json', 'The request is no valid JSON');
  }
  if (isDeeper(value, DEEPEST))
    throw new HttpError(400, 'bad-json', `The request is nested more than ${DEEPEST} levels deep`);
  return value;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

/** As `readJson`, where it must be an object; nothing at all is an empty one. */
export async function readJsonObject(
  request: HonoRequest,
): Promise<Readonly<Record<string, unknown>>> {
  if (request.header('content-type') === undefined && (await request.text()) === '') return {};
  const value = await readJson(request);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HttpError(400, 'bad-json', 'The request must be a JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}

/**
 * The revision that a change is meant for, by `If-Match`: without it the change of one person would undo that of another unseen. `undefined` for
 * something new.
 */
export function expectedRevision(
  request: HonoRequest,
  kept: Kept<unknown> | undefined,
  what: string,
): number | undefined {
  const match = request.header('if-match');
  const current = kept === undefined ? undefined : etagOf(kept.revision);
  if (kept !== undefined && request.header('if-none-match') === '*') {
    throw new HttpError(412, 'precondition-failed', `${what} is there already`);
  }
  if (match === undefined) {
    if (kept === undefined) return undefined;
    throw new HttpError(428, 'precondition-required', `${what} is there already`, {
      hint: 'Read it, and send its ETag back as "If-Match"',
    });
  }
  const wanted = new Set(match.split(',').map((tag) => tag.trim().replace(/^W\//u, '')));
  if (kept !== undefined && (wanted.has('*') || wanted.has(current!))) return kept.revision;
  throw new HttpError(
    412,
    'precondition-failed',
    `${what} ${kept === undefined ? 'is not there any more' : 'has been changed meanwhile'}`,
    { hint: 'Read it again and repeat the change' },
  );
}

export const etagOf = (revision: number): string => `"${revision}"`;

/** A whole number in the query; `otherwise` where there is none. */
export function numberParameter(
  request: HonoRequest,
  name: string,
  { otherwise, least, most }: { otherwise?: number; least: number; most: number },
): number | undefined {
  const text = request.query(name);
  if (text === undefined) return otherwise;
  const value = /^\d{1,15}$/u.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new HttpError(
    400,
    'bad-parameter',
    `"${name}" is a whole number from ${least} to ${most}, not "${text.slice(0, 50)}"`,
  );
}

/** Words of a fixed set in the query, separated by commas or repeated; `undefined` where there are none. */
export function choiceParameter<Choice extends string>(
  request: HonoRequest,
  name: string,
  choices: readonly Choice[],
): readonly Choice[] | undefined {
  const texts = request.queries(name)?.flatMap((text) => text.split(','));
  return texts?.map((text) => {
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    throw new HttpError(
      400,
      'bad-parameter',
      `"${name}" is one of ${choices.join(', ')}, not "${text.slice(0, 50)}"`,
    );
  });
}
