{
  # node-gyp, electron-rebuild and prebuildify come in here and leave to the one real build, CMakeLists.txt.
  "targets": [{
    "target_name": "lowbit",
    "type": "none",
    "actions": [{
      "action_name": "cmake",
      "inputs": ["CMakeLists.txt"],
      "outputs": ["<(PRODUCT_DIR)/always"],
      "action": ["node", "scripts/native-build.cjs", "--out-dir=<(PRODUCT_DIR)"]
    }]
  }]
}
