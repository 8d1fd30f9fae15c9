// Tests run compiled, from dist/test: the same JavaScript that ships.
export default {
  files: ['dist/test/**/*.test.js'],
  nodeArguments: ['--enable-source-maps'],
  workerThreads: false, // tests open sockets and send signals
  concurrency: 2,
  timeout: '20m', // Without any result: for what hangs, on a machine that is busy with other work.
};
