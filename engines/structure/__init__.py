"""Market structure: pivots at three scales, breaks of structure, changes of character, equal highs and lows."""

from engines.structure.engine import StructureEngine
from engines.structure.rows import Label, Scale, StructureKind, StructureRows

__all__ = ["Label", "Scale", "StructureEngine", "StructureKind", "StructureRows"]
