// `npm run test:accuracy`: trainings of minutes, with data sets that are not part of the repository.
export default {
  files: ['.test-out/accuracy/**/*.test.js'],
  timeout: '60m',
  concurrency: 1,
};
