"""The vendor's simulator of the B2 API (b2sdk.raw_simulator) behind HTTP, for the tests.

Usage: /usr/bin/python3 b2-shim.py PORT [CERTIFICATE KEY]

The simulator decides what is right; this file speaks HTTP, compares what the simulator takes on trust (SHA-1 of what arrives, right to
read), and answers errors as the real service does. Calls below /control/ are not part of the protocol: they make keys and faults.
"""

import collections
import hashlib
import io
import itertools
import json
import re
import ssl
import sys
import threading
import time
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

from b2sdk import exception
from b2sdk.raw_simulator import BucketSimulator, RawSimulator

PORT = int(sys.argv[1])
SCHEME = 'https' if len(sys.argv) > 2 else 'http'
ORIGIN = '%s://127.0.0.1:%d' % (SCHEME, PORT)
MIN_PART_SIZE = 5_000_000


class Bucket(BucketSimulator):
    """With room for more files and upload URLs than the vendor's tests need."""

    FIRST_FILE_NUMBER = 99_999_999
    FIRST_FILE_ID = str(FIRST_FILE_NUMBER)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.upload_url_counter = itertools.count()
        self.upload_timestamp_counter = (int(time.time() * 1000) for _ in itertools.count())

    def _simulate_chunked_post(self, stream, content_length, **_):
        return stream.read()


class Simulator(RawSimulator):
    BUCKET_SIMULATOR_CLASS = Bucket
    API_URL = ORIGIN
    S3_API_URL = ORIGIN
    DOWNLOAD_URL = ORIGIN
    MIN_PART_SIZE = MIN_PART_SIZE
    DOWNLOAD_URL_MATCHER = re.compile(
        ORIGIN + r'(?:/b2api/v[0-9]+/b2_download_file_by_id\?fileId=(?P<file_id>[^/]+)'
        r'|/file/(?P<bucket_name>[^/]+)/(?P<file_name>.+))$'
    )

    def __init__(self):
        super().__init__()
        self.bucket_id_counter = itertools.count()

    def authorize_account(self, *args):
        answer = super().authorize_account(*args)
        answer['recommendedPartSize'] = 100_000_000
        answer['absoluteMinimumPartSize'] = MIN_PART_SIZE
        return answer


class Refusal(Exception):
    def __init__(self, status, code, message, headers=()):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


simulator = Simulator()
simulator.create_account()
lock = threading.Lock()
# How the next uploads, or calls of an operation, fail: lists of [status, code, headers].
faults = collections.defaultdict(list)
# How often each operation was called.
calls = collections.Counter()
# With which retention each file was stored.
locks = []

OPERATIONS = {
    'b2_list_buckets': ({'accountId'}, {'bucketId', 'bucketName', 'bucketTypes'}),
    'b2_create_bucket': ({'accountId', 'bucketName', 'bucketType'}, {'lifecycleRules'}),
    'b2_get_upload_url': ({'bucketId'}, set()),
    'b2_get_upload_part_url': ({'fileId'}, set()),
    'b2_start_large_file': ({'bucketId', 'fileName', 'contentType'}, {'fileInfo', 'fileRetention'}),
    'b2_finish_large_file': ({'fileId', 'partSha1Array'}, set()),
    'b2_cancel_large_file': ({'fileId'}, set()),
    'b2_list_unfinished_large_files': ({'bucketId'}, {'namePrefix', 'startFileId', 'maxFileCount'}),
    'b2_list_file_names': ({'bucketId'}, {'startFileName', 'maxFileCount', 'prefix'}),
    'b2_list_file_versions': ({'bucketId'}, {'startFileName', 'startFileId', 'maxFileCount', 'prefix'}),
    'b2_hide_file': ({'bucketId', 'fileName'}, set()),
    'b2_delete_file_version': ({'fileName', 'fileId'}, set()),
}


def snake(name):
    return re.sub('[A-Z]', lambda found: '_' + found.group().lower(), name)


def check_token(token):
    if token not in simulator.auth_token_to_key:
        raise Refusal(401, 'bad_auth_token', 'Invalid authorization token')
    if token in simulator.expired_auth_tokens:
        raise Refusal(401, 'expired_auth_token', 'Authorization token has expired')


def check_file_name(name):
    parts = name.split('/')
    if not name or len(name.encode()) > 1024 or '' in parts or re.search(r'[\x00-\x1f\x7f\\]', name):
        raise Refusal(400, 'bad_request', 'Bad file name: ' + repr(name))


def call(operation, token, arguments):
    required, optional = OPERATIONS[operation]
    if not required <= arguments.keys() <= required | optional:
        raise Refusal(400, 'bad_request', 'Wrong fields: ' + ', '.join(sorted(arguments)))
    check_token(token)
    named = {snake(key): value for key, value in arguments.items()}
    key = simulator.auth_token_to_key[token]
    name = named.get('file_name')
    if name is not None:
        check_file_name(name)
        restriction = key.name_prefix_or_none
        if restriction is not None and not name.startswith(restriction):
            raise Refusal(401, 'unauthorized', 'not entitled')
    most = named.get('max_file_count')
    if most is not None and not 0 < most <= 10000:
        raise Refusal(400, 'bad_request', 'maxFileCount out of range')
    if operation == 'b2_finish_large_file':
        return finish(token, **named)
    if operation == 'b2_start_large_file':
        named.setdefault('file_info', {})
        # The simulator would want objects of its own.
        locks.append(named.pop('file_retention', None))
    if operation == 'b2_create_bucket':
        named.pop('lifecycle_rules', None)
    if operation == 'b2_list_unfinished_large_files' and 'name_prefix' in named:
        named['prefix'] = named.pop('name_prefix')
    if operation in ('b2_list_file_names', 'b2_list_file_versions') and 'prefix' in named:
        # The simulator looks at the first file and stops if that has another prefix.
        named.setdefault('start_file_name', named['prefix'])
    if operation == 'b2_list_buckets':
        named.pop('bucket_types', None)
    bucket_id = named.get('bucket_id')
    if bucket_id is not None and operation != 'b2_list_buckets':
        if bucket_id not in simulator.bucket_id_to_bucket:
            raise Refusal(400, 'bad_bucket_id', 'Bucket does not exist: ' + bucket_id)
        capability = {'b2_hide_file': 'writeFiles', 'b2_get_upload_url': 'writeFiles'}.get(operation)
        if capability is not None and capability not in key.capabilities:
            raise Refusal(401, 'unauthorized', 'not entitled')
        if operation in ('b2_hide_file', 'b2_get_upload_url', 'b2_start_large_file') or key.bucket_id_or_none is not None:
            if key.bucket_id_or_none not in (None, bucket_id):
                raise Refusal(401, 'unauthorized', 'not entitled')
            return unrestricted(operation, token, named, key)
    if 'file_id' in named:
        home = simulator.bucket_id_to_bucket.get(simulator.file_id_to_bucket_id.get(named['file_id']))
        if home is None or named['file_id'] not in home.file_id_to_file:
            raise Refusal(400, 'file_not_present', 'File not present: ' + named['file_id'])
    return unrestricted(operation, token, named, key)


def unrestricted(operation, token, named, key):
    """The simulator forgets to tell its own check which bucket is meant; that was checked before."""
    if operation == 'b2_hide_file':
        bucket = simulator.bucket_id_to_bucket[named['bucket_id']]
        newest = newest_of(bucket, named['file_name'])
        if newest is None:
            raise Refusal(400, 'no_such_file', 'File not present: ' + named['file_name'])
        if newest.action == 'hide':
            raise Refusal(400, 'already_hidden', 'File already hidden: ' + named['file_name'])
        marker = bucket.hide_file(token, named['file_name'])
        simulator.file_id_to_bucket_id[marker['fileId']] = bucket.bucket_id
        return marker
    restriction, key.bucket_id_or_none = key.bucket_id_or_none, None
    try:
        method = getattr(simulator, operation[3:])
        if operation in ('b2_list_buckets',) and restriction is not None:
            if named.get('bucket_id', restriction) != restriction or (
                'bucket_name' in named
                and simulator._get_bucket_id_or_none_for_bucket_name(named['bucket_name']) != restriction
            ):
                raise Refusal(401, 'unauthorized', 'not entitled')
        if operation in ('b2_list_file_names', 'b2_list_file_versions', 'b2_list_unfinished_large_files'):
            wanted = key.name_prefix_or_none
            if wanted is not None and not named.get('prefix', '').startswith(wanted):
                raise Refusal(401, 'unauthorized', 'not entitled')
        return method(ORIGIN, token, **named)
    finally:
        key.bucket_id_or_none = restriction


def newest_of(bucket, name):
    ids = [file_id for file_name, file_id in bucket.file_name_and_id_to_file if file_name == name]
    return bucket.file_id_to_file[min(ids)] if ids else None


def finish(token, file_id, part_sha1_array):
    if file_id not in simulator.file_id_to_bucket_id:
        raise Refusal(400, 'bad_request', 'No active upload for: ' + file_id)
    bucket = simulator.bucket_id_to_bucket[simulator.file_id_to_bucket_id[file_id]]
    file = bucket.file_id_to_file.get(file_id)
    if file is None or file.action != 'start':
        raise Refusal(400, 'bad_request', 'No active upload for: ' + file_id)
    parts = [part for part in file.parts[1:] if part is not None]
    if len(parts) < 2:
        raise Refusal(400, 'bad_request', 'Large files need at least two parts')
    if any(part.content_length < MIN_PART_SIZE for part in parts[:-1]):
        raise Refusal(400, 'bad_request', 'Part too small')
    return simulator.finish_large_file(ORIGIN, token, file_id, part_sha1_array)


def upload(path, headers, body):
    """`path` stands for the URL that the simulator gave; its own check wants it as the token."""
    url = 'https://upload.example.com/' + path
    if headers.get('Authorization') != url:
        raise Refusal(401, 'bad_auth_token', 'Invalid authorization token')
    check_token(path.split('/')[-1])
    given = headers.get('X-Bz-Content-Sha1') or ''
    content, sha1 = body, given
    if given == 'hex_digits_at_end':
        content, sha1 = body[:-40], body[-40:].decode('ascii', 'replace')
    if not re.fullmatch('[0-9a-f]{40}', sha1):
        raise Refusal(400, 'bad_request', 'Missing header: X-Bz-Content-Sha1')
    if hashlib.sha1(content).hexdigest() != sha1:
        raise Refusal(400, 'bad_request', 'Checksum did not match data received')
    part = path.startswith('part/')
    with lock:
        pending = faults['upload_part' if part else 'upload_file']
        if pending:
            raise Refusal(*fault(pending))
        if part:
            file_id = path.split('/')[1]
            bucket = simulator.bucket_id_to_bucket[simulator.file_id_to_bucket_id[file_id]]
            if file_id not in bucket.file_id_to_file:
                raise Refusal(400, 'bad_request', 'No active upload for: ' + file_id)
            number = int(headers.get('X-Bz-Part-Number', '0'))
            return simulator.upload_part(url, url, number, len(content), sha1, io.BytesIO(content))
        name = unquote(headers.get('X-Bz-File-Name', ''))
        check_file_name(name)
        restriction = simulator.auth_token_to_key[path.split('/')[-1]].name_prefix_or_none
        if restriction is not None and not name.startswith(restriction):
            raise Refusal(401, 'unauthorized', 'not entitled')
        mode = headers.get('X-Bz-File-Retention-Mode')
        until = headers.get('X-Bz-File-Retention-Retain-Until-Timestamp')
        locks.append(mode and {'mode': mode, 'retainUntilTimestamp': int(until)})
        return simulator.upload_file(
            url, url, name, len(content), headers.get('Content-Type'), sha1, {}, io.BytesIO(content)
        )


def fault(pending):
    status, code, headers = pending.pop(0)
    return status, code, 'Fault of the test', list(headers.items())


def control(operation, arguments):
    token = simulator.authorize_account(ORIGIN, 'account-0', 'masterKey-0')['authorizationToken']
    if operation == 'create_bucket':
        return simulator.create_bucket(ORIGIN, token, 'account-0', arguments['name'], 'allPrivate')
    if operation == 'create_key':
        bucket = arguments.get('bucket')
        return simulator.create_key(
            ORIGIN,
            token,
            'account-0',
            arguments['capabilities'],
            'test',
            None,
            bucket and simulator.bucket_name_to_bucket[bucket].bucket_id,
            arguments.get('prefix'),
        )
    if operation == 'expire_tokens':
        simulator.expired_auth_tokens.update(simulator.auth_token_to_key)
        simulator.authorize_account(ORIGIN, 'account-0', 'masterKey-0')
        return {}
    if operation == 'fail':
        faults[arguments['operation']].extend(arguments['faults'])
        return {}
    if operation == 'state':
        bucket = simulator.bucket_name_to_bucket[arguments['bucket']]
        return {
            'files': [[file.name, file.action] for file in bucket.file_id_to_file.values()],
            'calls': dict(calls),
            'locks': locks,
        }
    raise Refusal(404, 'not_found', operation)


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = 1 << 18
    disable_nagle_algorithm = True

    def do_GET(self):
        self.answer()

    def do_HEAD(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def log_message(self, *_):
        pass

    def answer(self):
        length = int(self.headers.get('Content-Length') or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            # Cut off in the middle: nothing of it counts.
            self.close_connection = True
            return
        try:
            self.route(body)
        except Refusal as refusal:
            self.refuse(refusal)
        except exception.InvalidAuthToken as error:
            self.refuse(Refusal(401, 'unauthorized', str(error)))
        except exception.Unauthorized as error:
            self.refuse(Refusal(401, 'unauthorized', str(error)))
        except exception.DuplicateBucketName as error:
            self.refuse(Refusal(400, 'duplicate_bucket_name', str(error)))
        except exception.FileNotPresent as error:
            self.refuse(Refusal(404, 'not_found', str(error)))
        except exception.NonExistentBucket as error:
            self.refuse(Refusal(404, 'not_found', 'Bucket does not exist'))
        except exception.UnsatisfiableRange as error:
            self.refuse(Refusal(416, 'range_not_satisfiable', str(error)))
        except exception.B2Error as error:
            self.refuse(Refusal(400, 'bad_request', str(error)))
        except (AssertionError, KeyError, ValueError) as error:
            self.refuse(Refusal(400, 'bad_request', repr(error)))

    def route(self, body):
        path = urlsplit(self.path).path
        api = re.fullmatch(r'/b2api/v2/(b2_\w+)', path)
        if api is not None:
            self.reply(self.api(api.group(1), body))
        elif path.startswith('/up/'):
            calls['upload'] += 1
            self.reply(upload(path[4:], self.headers, body))
        elif path.startswith('/file/'):
            self.download(path)
        elif path.startswith('/control/'):
            with lock:
                self.reply(control(path[9:], json.loads(body)))
        else:
            raise Refusal(404, 'not_found', path)

    def api(self, operation, body):
        calls[operation] += 1
        with lock:
            if faults[operation]:
                raise Refusal(*fault(faults[operation]))
            authorization = self.headers.get('Authorization') or ''
            if operation == 'b2_authorize_account':
                if not authorization.startswith('Basic '):
                    raise Refusal(401, 'unauthorized', 'Basic authentication expected')
                key_id, _, key = b64decode(authorization[6:]).decode().partition(':')
                return simulator.authorize_account(ORIGIN, key_id, key)
            if operation not in OPERATIONS:
                raise Refusal(400, 'bad_request', 'Unknown operation ' + operation)
            answer = call(operation, authorization, json.loads(body))
        if 'uploadUrl' in answer:
            answer = dict(answer)
            answer['uploadUrl'] = answer['uploadUrl'].replace('https://upload.example.com', ORIGIN + '/up')
        return answer

    def download(self, path):
        calls['download'] += 1
        token = self.headers.get('Authorization') or ''
        check_token(token)
        key = simulator.auth_token_to_key[token]
        bucket_name, _, name = path[len('/file/'):].partition('/')
        name = unquote(name)
        bucket = simulator.bucket_name_to_bucket.get(bucket_name)
        if bucket is None:
            raise Refusal(404, 'not_found', 'Bucket does not exist: ' + bucket_name)
        if 'readFiles' not in key.capabilities or key.bucket_id_or_none not in (None, bucket.bucket_id):
            raise Refusal(401, 'unauthorized', 'not entitled')
        with lock:
            if faults['download']:
                raise Refusal(*fault(faults['download']))
            file = newest_of(bucket, name)
            if file is None or not file.is_visible():
                raise Refusal(404, 'not_found', 'File with such name does not exist.')
            data, headers = file.data_bytes, dict(file.as_download_headers(token))
        status = 200
        wanted = re.fullmatch(r'bytes=([0-9]+)-([0-9]*)', self.headers.get('Range') or '')
        if wanted is not None:
            first = int(wanted.group(1))
            last = min(int(wanted.group(2) or len(data)), len(data) - 1)
            if first >= len(data):
                raise Refusal(416, 'range_not_satisfiable', 'The range is not satisfiable')
            headers['Content-Range'] = 'bytes %d-%d/%d' % (first, last, len(data))
            data, status = data[first:last + 1], 206
        headers['content-length'] = len(data)
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header, quote(str(value), safe=" /:;=-%."))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(data)
        self.wfile.flush()

    def reply(self, answer):
        # Whoever comes through a proxy is to stay there.
        own = '%s://%s' % (SCHEME, self.headers.get('Host'))
        text = json.dumps(answer, default=list).replace(ORIGIN, own).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json;charset=UTF-8')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def refuse(self, refusal):
        text = json.dumps(
            {'status': refusal.status, 'code': refusal.code, 'message': refusal.message}
        ).encode()
        self.send_response(refusal.status)
        for header, value in refusal.headers:
            self.send_header(header, value)
        self.send_header('Content-Type', 'application/json;charset=UTF-8')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(text)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        # Clients that go away are part of the tests.
        pass


simulator.authorize_account(ORIGIN, 'account-0', 'masterKey-0')
server = Server(('127.0.0.1', PORT), Handler)
if SCHEME == 'https':
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
