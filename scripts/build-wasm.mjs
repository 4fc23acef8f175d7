// Compiles src/engine/assembly with AssemblyScript (wired up with the wasm engine).
