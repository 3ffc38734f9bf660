import type { GcsAccounts } from './gcs-accounts.ts';
import { GcsProblem, type GcsState, type SimulatedObject } from './gcs-state.ts';
import { type Answer, type Call, rangeAnswer } from './simulator.ts';

/** The XML interface, for clients with an interoperability key. */
export function gcsXml(state: GcsState, accounts: GcsAccounts): (call: Call) => Answer {
  return (call) => {
    try {
      accounts.checkSignature(call);
      return answer(state, call);
    } catch (error) {
      if (!(error instanceof GcsProblem)) throw error;
      const { status, xmlCode, message } = error;
      const body = `<?xml version='1.0' encoding='UTF-8'?><Error><Code>${xmlCode}</Code><Message>${escaped(message)}</Message></Error>`;
      return {
        status,
        headers: { 'content-type': 'application/xml; charset=UTF-8' },
        body: call.method === 'HEAD' ? '' : body,
      };
    }
  };
}

function answer(state: GcsState, call: Call): Answer {
  const { method, url } = call;
  const slash = url.pathname.indexOf('/', 1);
  const bucket = decodeURIComponent(url.pathname.slice(1, slash < 0 ? undefined : slash));
  const name = slash < 0 ? '' : decodeURIComponent(url.pathname.slice(slash + 1));
  const payer = call.header('x-goog-user-project');
  if (name === '' && method === 'PUT') return createBucket(state, call, bucket);
  if (name === '' && method === 'GET') return list(state, call, bucket, payer);
  if (name === '') throw new GcsProblem(405, 'invalid', 'MethodNotAllowed', 'Not allowed');
  state.use(bucket, payer, method === 'PUT' || method === 'DELETE');
  switch (method) {
    case 'PUT': {
      const md5 = call.header('content-md5');
      const storageClass = call.header('x-goog-storage-class');
      const stored = state.put(
        bucket,
        {
          name,
          ...(md5 !== '' && { md5Hash: md5 }),
          ...(storageClass !== '' && { storageClass }),
        },
        call.body,
        call.header('x-goog-if-generation-match'),
      );
      return { status: 200, headers: headersOf(stored), body: '' };
    }
    case 'DELETE':
      state.delete(bucket, name, url.searchParams.get('generation') ?? '');
      return { status: 204 };
    case 'GET':
    case 'HEAD': {
      const object = state.object(bucket, name);
      const headers = {
        ...headersOf(object),
        'last-modified': new Date(object.updated).toUTCString(),
      };
      if (method === 'GET') return rangeAnswer(call, state.load(object), headers);
      return { status: 200, headers: { ...headers, 'content-length': String(object.size) } };
    }
    default:
      throw new GcsProblem(405, 'invalid', 'MethodNotAllowed', 'Not allowed');
  }
}

function createBucket(state: GcsState, call: Call, bucket: string): Answer {
  const location = /<LocationConstraint>([^<]*)</u.exec(call.body.toString('utf8'))?.[1];
  state.createBucket(bucket, {
    project: call.header('x-goog-project-id') || 'default',
    ...(location !== undefined && { location }),
  });
  return { status: 200, body: '' };
}

function list(state: GcsState, call: Call, bucket: string, payer: string): Answer {
  const query = call.url.searchParams;
  state.use(bucket, payer, false);
  if (query.get('list-type') !== '2')
    throw new GcsProblem(400, 'invalid', 'InvalidArgument', 'list-type');
  const after = Buffer.from(query.get('continuation-token') ?? '', 'base64url').toString('utf8');
  const { objects, isLast } = state.page(bucket, {
    prefix: query.get('prefix') ?? '',
    after,
    limit: Math.min(Number(query.get('max-keys') ?? '1000'), 1000),
  });
  const next = Buffer.from(objects.at(-1)?.name ?? '').toString('base64url');
  const contents = objects.map(
    ({ name, size, updated, generation }) =>
      `<Contents><Key>${escaped(name)}</Key><Generation>${generation}</Generation><LastModified>${updated}</LastModified><Size>${size}</Size></Contents>`,
  );
  return {
    status: 200,
    headers: { 'content-type': 'application/xml; charset=UTF-8' },
    body: `<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'><Name>${bucket}</Name><Prefix>${escaped(query.get('prefix') ?? '')}</Prefix><IsTruncated>${!isLast}</IsTruncated>${isLast ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`}${contents.join('')}</ListBucketResult>`,
  };
}

function headersOf(object: SimulatedObject): Readonly<Record<string, string>> {
  return {
    'x-goog-generation': object.generation,
    'x-goog-hash': `crc32c=${object.crc32c},md5=${object.md5}`,
    'x-goog-stored-content-length': String(object.size),
    etag: `"${Buffer.from(object.md5, 'base64').toString('hex')}"`,
  };
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;');
}
