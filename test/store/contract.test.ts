/** The contract of the port, for the store over simulated files and over real ones. */
import type { OpenedSectorStore } from '../../src/store/openSectorStore.js';
import { storeSuite } from '../ports/storeSuite.js';
import { ended, freshFolder, openAt, valueOf } from './realStore.js';
import { simulate } from './storeHarness.js';

storeSuite('simulated', () => {
  const simulation = simulate(1);
  let store: OpenedSectorStore | null = null;
  return Promise.resolve({
    open: () => {
      store = simulation.open();
      return Promise.resolve(store);
    },
    close: () => {
      store?.close().subscribe();
      simulation.run();
      return Promise.resolve();
    },
    valueOf: (source$) => Promise.resolve(simulation.valueOf(source$)),
  });
});

storeSuite('real', async (t) => {
  const folder = await freshFolder(t);
  let store: OpenedSectorStore | null = null;
  const close = async (): Promise<void> => {
    if (store !== null) await ended(store.close());
    store = null;
  };
  t.teardown(close);
  return {
    open: async () => {
      store = await openAt(folder);
      return store;
    },
    close,
    valueOf,
  };
});
