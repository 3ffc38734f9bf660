/** Loaded into every process of the tests: see `keepPoolAwake`. */
import { keepPoolAwake } from '../../src/base/thread-pool.ts';

keepPoolAwake();
