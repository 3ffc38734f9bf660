/** The parts of Google Cloud Storage's JSON and XML interfaces that a storage needs, by their public description: strict about what comes in. */
import { randomBytes } from 'node:crypto';

import { GcsAccounts } from './gcs-accounts.ts';
import { gcsXml } from './gcs-xml.ts';
import {
  GcsProblem,
  GcsState,
  type NewObject,
  type SimulatedBucket,
  type SimulatedObject,
} from './gcs-state.ts';
import {
  type Answer,
  type Call,
  rangeAnswer,
  serveSimulator,
  type Service,
  type Simulator,
} from './simulator.ts';

interface Session {
  readonly bucket: string;
  readonly object: NewObject;
  readonly size: number;
  readonly generationMatch: string;
  bytes: Buffer;
}

const chunkUnit = 256 * 1024;

function googleCloudStorage(simulator: Simulator): Service {
  const { control } = simulator;
  const [, , port = '', directory = ''] = process.argv;
  const state = new GcsState(simulator);
  const accounts = new GcsAccounts(simulator, directory, port);
  const xml = gcsXml(state, accounts);
  const json = new GcsJson(state, simulator);

  return (call) => {
    const { pathname } = call.url;
    if (pathname === '/token') return accounts.token(call);
    if (pathname === '/sts') return accounts.exchange(call);
    if (pathname === '/authid') return accounts.refresh(call);
    if (pathname.startsWith('/_gs/')) return prepare(state, call);
    const isJson = /^\/(?:upload\/)?storage\/v1\//u.test(pathname);
    if (!isJson) return xml(call);
    try {
      if ((control.outages ?? 0) > 0) {
        control.outages = (control.outages ?? 0) - 1;
        throw new GcsProblem(503, 'backendError', 'ServiceUnavailable', 'Backend Error');
      }
      if ((control.rateLimited ?? 0) > 0) {
        control.rateLimited = (control.rateLimited ?? 0) - 1;
        throw new GcsProblem(
          429,
          'rateLimitExceeded',
          'SlowDown',
          'The object exceeded the rate limit for object mutation operations.',
        );
      }
      // The address of an upload is itself the right to go on with it.
      if (!call.url.searchParams.has('upload_id')) accounts.checkToken(call);
      return json.answer(call);
    } catch (error) {
      if (error instanceof GcsProblem) return complaint(error, call);
      throw error;
    }
  };
}

/** `POST /_gs/bucket/NAME` makes or changes a bucket, `POST /_gs/hold/BUCKET/NAME` puts a hold on an object. */
function prepare(state: GcsState, call: Call): Answer {
  const [, , what = '', bucket = '', ...rest] = call.url.pathname
    .split('/')
    .map(decodeURIComponent);
  if (what === 'bucket') {
    const changes = JSON.parse(call.body.toString('utf8')) as Partial<SimulatedBucket>;
    state.buckets.set(bucket, { project: 'demo', ...state.buckets.get(bucket), ...changes });
  } else {
    const name = rest.join('/');
    const object = state.object(bucket, name);
    state.objects.set(`${bucket}/${name}`, { ...object, temporaryHold: true });
  }
  return { status: 200, body: {} };
}

/** The JSON interface, version 1. */
class GcsJson {
  readonly #state: GcsState;
  readonly #simulator: Simulator;
  readonly #sessions = new Map<string, Session>();
  readonly #tokens = new Map<string, string>();

  constructor(state: GcsState, simulator: Simulator) {
    this.#state = state;
    this.#simulator = simulator;
  }

  answer(call: Call): Answer {
    const { method } = call;
    const { pathname } = call.url;
    const [, upload, bucketPart, objectPart] =
      /^(\/upload)?\/storage\/v1\/b(?:\/([^/]+)(?:\/o(?:\/([^/]+))?)?)?$/u.exec(pathname) ?? [];
    const bucket = decodeURIComponent(bucketPart ?? '');
    const name = decodeURIComponent(objectPart ?? '');
    if (upload !== undefined) return this.#upload(call, bucket);
    if (pathname === '/storage/v1/b' && method === 'POST') return this.#createBucket(call);
    if (objectPart === undefined && pathname.endsWith('/o') && method === 'GET')
      return this.#list(call, bucket);
    if (objectPart !== undefined && method === 'GET') return this.#get(call, bucket, name);
    if (objectPart !== undefined && method === 'DELETE') {
      const query = queryOf(call, ['generation', 'ifGenerationMatch']);
      this.#state.use(bucket, query('userProject'), true);
      this.#state.delete(bucket, name, query('generation'));
      return { status: 204 };
    }
    throw new GcsProblem(404, 'notFound', 'NotFound', 'Not Found');
  }

  #createBucket(call: Call): Answer {
    const project = queryOf(call, ['project'])('project');
    if (project === '') throw invalid('Required parameter: project');
    const body = jsonOf(call);
    const known = new Set(['name', 'location', 'storageClass', 'iamConfiguration']);
    const unknown = Object.keys(body).find((field) => !known.has(field));
    if (unknown !== undefined) throw invalid(`Unknown field: ${unknown}`);
    const { name, location } = body;
    if (typeof name !== 'string') throw invalid('Required parameter: name');
    if (location !== undefined && (typeof location !== 'string' || !/^[A-Z0-9-]+$/u.test(location)))
      throw invalid('The specified location constraint is not valid.');
    this.#state.createBucket(name, { project, ...(location !== undefined && { location }) });
    return { status: 200, body: { kind: 'storage#bucket', name, location } };
  }

  #list(call: Call, bucket: string): Answer {
    const query = queryOf(call, ['prefix', 'maxResults', 'pageToken']);
    this.#state.use(bucket, query('userProject'), false);
    if (this.#simulator.control.expireCursors === true) this.#tokens.clear();
    const token = query('pageToken');
    const after = this.#tokens.get(token);
    if (token !== '' && after === undefined) throw invalid('Invalid Value: pageToken');
    const limit = Math.min(Number(query('maxResults') || '1000'), 1000);
    if (!Number.isInteger(limit) || limit < 1) throw invalid('Invalid Value: maxResults');
    const { objects, isLast } = this.#state.page(bucket, {
      prefix: query('prefix'),
      after: after ?? '',
      limit,
    });
    const next = isLast ? undefined : randomBytes(12).toString('base64url');
    if (next !== undefined) this.#tokens.set(next, objects.at(-1)?.name ?? '');
    return {
      status: 200,
      body: {
        kind: 'storage#objects',
        ...(objects.length > 0 && { items: objects.map(resource) }),
        ...(next !== undefined && { nextPageToken: next }),
      },
    };
  }

  #get(call: Call, bucket: string, name: string): Answer {
    const query = queryOf(call, ['alt', 'generation']);
    this.#state.use(bucket, query('userProject'), false);
    const object = this.#state.object(bucket, name);
    if (query('alt') !== 'media') return { status: 200, body: resource(object) };
    return rangeAnswer(call, this.#state.load(object), {
      'x-goog-generation': object.generation,
      'x-goog-hash': `crc32c=${object.crc32c},md5=${object.md5}`,
    });
  }

  #upload(call: Call, bucket: string): Answer {
    const query = queryOf(call, ['uploadType', 'name', 'ifGenerationMatch', 'upload_id']);
    // An upload that goes on is paid for by whoever began it.
    const payer = query('userProject') || query('upload_id');
    const found = this.#state.use(bucket, payer, true);
    const kind = query('uploadType');
    const generationMatch = query('ifGenerationMatch');
    if (call.method === 'PUT' && kind === 'resumable')
      return this.#putChunk(call, query('upload_id'), found.shortChunks);
    if (call.method !== 'POST') throw invalid('Method not allowed');
    if (kind === 'multipart') {
      const { object, bytes } = multipartOf(call);
      const stored = this.#state.put(bucket, object, bytes, generationMatch);
      return { status: 200, body: resource(stored) };
    }
    if (kind !== 'resumable') throw invalid(`Invalid Value: uploadType ${kind}`);
    const object = newObject(jsonOf(call));
    this.#state.checkCondition(bucket, object.name, generationMatch);
    const size = Number(call.header('x-upload-content-length') || 'NaN');
    if (!Number.isSafeInteger(size)) throw invalid('X-Upload-Content-Length');
    const id = randomBytes(16).toString('hex');
    this.#sessions.set(id, { bucket, object, size, generationMatch, bytes: Buffer.alloc(0) });
    this.#simulator.count('sessions');
    const location = new URL(call.url.pathname, call.origin);
    location.search = new URLSearchParams({ uploadType: 'resumable', upload_id: id }).toString();
    return { status: 200, headers: { location: location.href }, body: '' };
  }

  #putChunk(call: Call, id: string, shortChunks = Infinity): Answer {
    const session = this.#sessions.get(id);
    if (session === undefined) return { status: 404, body: 'Not Found' };
    this.#simulator.count('chunks');
    const said = call.header('content-range');
    const { size } = session;
    if (said === `bytes */${size}`) {
      if (call.body.byteLength > 0) throw invalid('A question has no body');
    } else {
      const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/u.exec(said) ?? [];
      const length = Number(last) - Number(first) + 1;
      if (total === undefined || length !== call.body.byteLength || Number(total) !== size)
        throw invalid(`Failed to parse Content-Range header: ${said}`);
      if (Number(last) + 1 < size && length % chunkUnit !== 0)
        throw invalid('The size of a chunk must be a multiple of 262144 bytes');
      // What has arrived before may come again, but nothing may be left out.
      if (Number(first) > session.bytes.byteLength) return { status: 503, body: 'Wrong offset' };
      const kept = Math.min(length, Math.max(chunkUnit, shortChunks));
      session.bytes = Buffer.concat([
        session.bytes.subarray(0, Number(first)),
        call.body.subarray(0, kept),
      ]);
    }
    if (session.bytes.byteLength < size) {
      const last = session.bytes.byteLength - 1;
      return { status: 308, headers: last < 0 ? {} : { range: `bytes=0-${last}` }, body: '' };
    }
    this.#sessions.delete(id);
    const { bucket, object, bytes, generationMatch } = session;
    const stored = this.#state.put(bucket, object, bytes, generationMatch);
    return { status: 200, body: resource(stored) };
  }
}

function resource(object: SimulatedObject): Readonly<Record<string, unknown>> {
  const { name, bucket, size, md5, crc32c, generation, updated, storageClass } = object;
  return {
    kind: 'storage#object',
    name,
    bucket,
    size: String(size),
    md5Hash: md5,
    crc32c,
    generation,
    updated,
    storageClass,
  };
}

/** Reads parameters; one that the method does not have is refused. */
function queryOf(call: Call, known: readonly string[]): (name: string) => string {
  const everywhere = ['fields', 'userProject', 'prettyPrint'];
  for (const name of call.url.searchParams.keys()) {
    if (![...known, ...everywhere].includes(name)) throw invalid(`Unknown parameter: ${name}`);
  }
  return (name) => call.url.searchParams.get(name) ?? '';
}

function jsonOf(call: Call): Readonly<Record<string, unknown>> {
  if (!call.header('content-type').startsWith('application/json')) throw invalid('Content-Type');
  return parsed(call.body.toString('utf8'));
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    throw new GcsProblem(400, 'parseError', 'InvalidArgument', 'Parse Error');
  }
}

function newObject(body: Readonly<Record<string, unknown>>): NewObject {
  const known = new Set(['name', 'contentType', 'storageClass', 'md5Hash', 'crc32c', 'metadata']);
  const unknown = Object.keys(body).find((field) => !known.has(field));
  if (unknown !== undefined) throw invalid(`Unknown field: ${unknown}`);
  if (typeof body['name'] !== 'string') throw invalid('Required parameter: name');
  return body as unknown as NewObject;
}

/** `multipart/related` with the description first and the bytes second. */
function multipartOf(call: Call): { readonly object: NewObject; readonly bytes: Buffer } {
  const boundary = /^multipart\/related; boundary=([\w-]+)$/u.exec(
    call.header('content-type'),
  )?.[1];
  const { body } = call;
  const opening = `--${boundary}\r\n`;
  const closing = Buffer.from(`\r\n--${boundary}--`);
  const between = Buffer.from(`\r\n--${boundary}\r\n`);
  const second = body.indexOf(between);
  const end = body.lastIndexOf(closing);
  if (boundary === undefined || !body.subarray(0, opening.length).equals(Buffer.from(opening)))
    throw invalid('Failed to parse multipart request body');
  if (second < 0 || end < second) throw invalid('Failed to parse multipart request body');
  const description = partOf(body.subarray(opening.length, second));
  const media = partOf(body.subarray(second + between.byteLength, end));
  if (!description.type.startsWith('application/json')) throw invalid('Missing content type');
  return { object: newObject(parsed(description.content.toString('utf8'))), bytes: media.content };
}

function partOf(part: Buffer): { readonly type: string; readonly content: Buffer } {
  const gap = part.indexOf('\r\n\r\n');
  const type = /^content-type: (.+)$/imu.exec(
    part.subarray(0, Math.max(gap, 0)).toString('latin1'),
  );
  if (gap < 0 || type === null)
    throw invalid('Failed to parse multipart request body part. Missing content type');
  return { type: type[1] ?? '', content: part.subarray(gap + 4) };
}

function invalid(message: string): GcsProblem {
  return new GcsProblem(400, 'invalid', 'InvalidArgument', message);
}

/** Where bytes are asked for, the service says what is wrong as plain text. */
function complaint({ status, reason, message }: GcsProblem, call: Call): Answer {
  if (call.url.searchParams.get('alt') === 'media') return { status, body: message };
  return {
    status,
    body: { error: { code: status, message, errors: [{ domain: 'global', reason, message }] } },
  };
}

serveSimulator(googleCloudStorage);
