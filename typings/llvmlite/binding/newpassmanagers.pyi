from llvmlite.binding import ModuleRef, ObjectRef

class PipelineTuningOptions(ObjectRef):
    speed_level: int
    loop_interleaving: bool
    loop_vectorization: bool
    slp_vectorization: bool
    loop_unrolling: bool
    inlining_threshold: int

class NewPassManager:
    def run(self, IR: ModuleRef, pb: PassBuilder) -> None: ...
    def _dispose(self) -> None: ...

class ModulePassManager(ObjectRef, NewPassManager): ...

class PassBuilder(ObjectRef):
    def getModulePassManager(self) -> ModulePassManager: ...
