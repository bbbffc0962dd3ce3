export default {
  files: ['.test-out/test/**/*.test.js'],
  // A crash in native code then costs one file and not the run.
  workerThreads: false,
  timeout: '10m',
  concurrency: 2,
};
