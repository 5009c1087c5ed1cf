"""The compiler: graph → nests → schedule → LLVM → native code. See docs/architecture.md."""
