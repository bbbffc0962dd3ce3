#!/usr/bin/env bash
# Builds, checks and measures the CUDA kernels on a machine with an NVIDIA card, without a network, in at most ten minutes.
#
#   scripts/gpu-check.sh          everything that this machine can do; says what it leaves out. Needs nvcc, cmake and, for the
#                                 comparison, a python3 with PyTorch ($PYTHON)
#   scripts/gpu-check.sh pack     here, before: puts node, the modules and the compiled TypeScript into .gpu, for a machine that has none
#
# Writes into $OUT (default: build/gpu): check.json, gpu.json, and the logs of what failed. Ends with 0 where nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD
OUT=${OUT:-$root/build/gpu}
PYTHON=${PYTHON:-python3}
unset LOWBIT_CUDA_LIB LOWBIT_DEVICE

if [ "${1:-}" = pack ]; then
  set -e
  npm run -s build:ts
  npx tsc -p tsconfig.test.json
  mkdir -p .gpu
  tar -cJf .gpu/modules.tar.xz --exclude={@biomejs,typescript,@typescript,clang-format,@img,sharp,onnxruntime-node,@types} \
    node_modules dist .test-out
  [ -f .gpu/node.xz ] || xz -T0 -3 -c "$(node -p process.execPath)" > .gpu/node.xz
  du -sh .gpu
  exit
fi

mkdir -p "$OUT"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
began=$SECONDS
limit=570
results=()
failed=0

# part NAME SECONDS COMMAND...: runs it, at most so long and not past the limit of all; its output goes into a log that is kept where it fails.
part() {
  local name=$1 most=$2 start=$SECONDS left=$((limit - SECONDS + began))
  shift 2
  if [ $left -lt 5 ]; then
    result "$name" skipped 0 "no time left"
    return 1
  fi
  timeout -k 5 $((most < left ? most : left)) "$@" > "$work/log" 2>&1
  local code=$? said
  said=$(grep -E '[0-9]+ passed, [0-9]+ failed|ERROR SUMMARY|error:' "$work/log" | tail -1)
  if [ $code -eq 0 ]; then result "$name" ok $((SECONDS - start)) "$said"; return 0; fi
  failed=1
  cp "$work/log" "$OUT/$name.log"
  [ $code -eq 124 ] && said="stopped after $((SECONDS - start)) s; $said"
  result "$name" failed $((SECONDS - start)) "${said:-$(tail -1 "$work/log")}"
  return 1
}

result() {
  printf '%-14s %-8s %4s s  %s\n' "$1" "$2" "$3" "$4"
  results+=("{\"part\":\"$1\",\"result\":\"$2\",\"seconds\":$3,\"said\":\"$(printf %s "$4" | tr -d '\\"' | tr '\n\t' '  ')\"}")
}

finish() {
  printf '%s\n' "${results[@]}" | paste -sd, | sed 's/^/[/; s/$/]/' > "$OUT/check.json"
  echo "$((SECONDS - began)) s; results in $OUT"
  exit $failed
}

# What this machine has.
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d .)
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -1
nvcc --version 2>/dev/null | tail -2 | head -1
if ! command -v node > /dev/null; then
  [ -f .gpu/node.xz ] || { echo "there is no node, and no .gpu from 'scripts/gpu-check.sh pack'"; exit 2; }
  mkdir -p "$work/bin"
  xz -dc .gpu/node.xz > "$work/bin/node" && chmod +x "$work/bin/node"
  PATH=$work/bin:$PATH
fi
[ -d node_modules ] || tar -xJf .gpu/modules.tar.xz || exit 2
if [ -d node_modules/typescript ]; then
  part typescript 120 sh -c 'node scripts/build-ts.mjs && node node_modules/typescript/bin/tsc -p tsconfig.test.json' || finish
elif [ ! -d .test-out ]; then
  tar -xJf .gpu/modules.tar.xz || exit 2
fi

# The addon and the kernels of this card alone (those of warpgroups are always built for 9.0).
if command -v nvcc > /dev/null && command -v cmake > /dev/null; then
  archs=${capability:-90}-real
  generator=$(command -v ninja > /dev/null && echo Ninja || echo 'Unix Makefiles')
  tree=$root/build/gpu-tree
  part build 330 sh -c "cmake -S . -B '$tree' -G '$generator' -DCMAKE_BUILD_TYPE=Release -DLOWBIT_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES='$archs' \
    -DCMAKE_LIBRARY_OUTPUT_DIRECTORY='$root/build/Release' && cmake --build '$tree' -j ${LOWBIT_JOBS:-$(nproc)}" || finish
else
  result build skipped 0 "there is no nvcc or no cmake: what lies in build/Release is used"
fi

node bin/lowbit.js doctor | grep -E '^(addon|cpu|cuda)'
if ! node -e "process.exit(require('lowbit').cudaCard().emulated === false ? 0 : 1)"; then
  result card skipped 0 "there is no card: what follows needs one"
  finish
fi

ava() { node scripts/test.mjs --timeout=4m "$@"; }
export -f ava
part kernels 150 bash -c "ava .test-out/test/ops/ops.test.js --match='* of *'"
part users 90 bash -c "ava '.test-out/test/cuda/{graphs,sessions,gradients,training,capturedSteps,precision}.test.js' .test-out/test/process.test.js"

# Memory and races on a few ops that tile; LOWBIT_SANITIZE names others.
if command -v compute-sanitizer > /dev/null; then
  ops=${LOWBIT_SANITIZE:-add qgemm qconv2d softmax batchStatistics slbSgdUpdate}
  matches=$(for op in $ops; do printf " --match='%s: * of *'" "$op"; done)
  for tool in memcheck racecheck; do
    part "$tool" 60 bash -c "compute-sanitizer --tool $tool --target-processes all --error-exitcode 9 \
      node node_modules/ava/entrypoints/cli.mjs --timeout=2m .test-out/test/ops/ops.test.js $matches"
  done
else
  result sanitizer skipped 0 "there is no compute-sanitizer"
fi

# Learning from generated digits: seconds, and an accuracy that only works where all of it does. Steps are CUDA graphs; bf16 is mixed precision.
cat > "$work/digits.yaml" <<YAML
model: lenet5
data: { train: digits:6000, validation: digits:1000 }
optimizer: { name: adam, rate: 0.002 }
schedule: cosine
epochs: 3
device: cuda
output: run
YAML
for precision in float32 bf16; do
  if part "train-$precision" 60 node bin/lowbit.js train "$work/digits.yaml" --precision $precision --output "$work/$precision" --json; then
    node -e "
      const { results, times } = JSON.parse(require('fs').readFileSync('$work/log', 'utf8').split('\n').find((line) => line.startsWith('{')));
      console.log('  digits:', results.best.metric, results.best.value, 'at', Math.round(times.epochs.at(-1).samplesPerSecond), 'samples/s');" || true
  fi
done

peer=$($PYTHON -c 'import torch; torch.cuda.init(); print("--python")' 2>/dev/null)
[ -n "$peer" ] || result pytorch skipped 0 "$PYTHON has no PyTorch that sees the card"
part bench 240 node .test-out/bench/gpu.js --out "$OUT" ${peer:+--python "$PYTHON"}
sed -n '/compute capability/,$p' "$work/log"
finish
