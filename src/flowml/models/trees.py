"""Trees of fitted estimators in flat arrays: the same sums as scikit-learn's, many times as fast.

scikit-learn calls into each tree of an ensemble by itself and checks its input every time. Here all trees of
an ensemble are one array of nodes that one loop goes through, compiled where it was compiled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

# as struct node in _trees.c
_NODE = np.dtype(
    [("threshold", "f8"), ("feature", "i4"), ("nan_goes_left", "i4"), ("above", "i4"), ("not_above", "i4")]
)
_MAX_DEPTH = 1000  # no estimator of ours grows deeper; a cycle would


def compiled() -> ModuleType | None:
    """The compiled loop, or None where it was not built."""
    try:
        from flowml.models import _trees
    except ImportError:
        return None
    return _trees


@dataclass(frozen=True)
class Splits:
    """Nodes of trees as an estimator keeps them, one tree after another; each of shape (n_nodes,).

    Attributes
    ----------
    sizes : sequence of int
        Nodes of each tree.
    left, right : ndarray of int
        Child within its tree, of inner nodes.
    feature : ndarray of int
        Column that an inner node looks at: left where it is not above `threshold`.
    threshold : ndarray of float64
    nan_goes_left : ndarray of bool
    is_leaf : ndarray of bool
    """

    sizes: Sequence[int]
    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: NDArray[np.float64]
    nan_goes_left: NDArray[np.bool_]
    is_leaf: NDArray[np.bool_]

    @classmethod
    def of(cls, grown: Sequence[NDArray[np.void]]) -> Self:
        """Take the nodes of scikit-learn's trees, an array each; fitted without NaN, which goes right."""
        nodes = np.concatenate(grown)
        return cls(
            sizes=[len(tree) for tree in grown],
            left=nodes["left_child"],
            right=nodes["right_child"],
            feature=nodes["feature"],
            threshold=nodes["threshold"],
            nan_goes_left=np.zeros(len(nodes), bool),
            is_leaf=nodes["left_child"] < 0,
        )


def tree_state(tree: Any) -> tuple[NDArray[np.void], NDArray[np.float64]]:
    """Nodes and values of one of scikit-learn's trees, fitted or stored."""
    if hasattr(tree, "children_left"):
        state = tree.__getstate__()
        return state["nodes"], state["values"]
    return tree.nodes, tree.values


@dataclass(frozen=True)
class Trees:
    """Trees over the same features; made by `of`.

    Attributes
    ----------
    nodes : structured ndarray, shape (n_nodes,)
        A leaf's children are itself.
    roots, depths : ndarray of int32, shape (n_trees,)
        Where each tree begins, and the most steps from there to a leaf.
    level : ndarray of int32, shape (n_nodes,)
        Steps from the root to each node.
    n_features : int
    """

    nodes: NDArray[np.void]
    roots: NDArray[np.int32]
    depths: NDArray[np.int32]
    level: NDArray[np.int32]
    n_features: int

    @classmethod
    def of(cls, splits: Splits, n_features: int) -> Self:
        """Lay trees out.

        Raises
        ------
        ValueError
            They are no trees over so many features.
        """
        sizes = np.asarray(splits.sizes, np.int64)
        roots = np.cumsum(sizes) - sizes
        base, own = np.repeat(roots, sizes), np.arange(int(sizes.sum()))
        nodes = np.zeros(len(own), _NODE)
        for name, child in (("above", splits.right), ("not_above", splits.left)):
            nodes[name] = np.where(splits.is_leaf, own, base + child)
        nodes["threshold"] = np.where(splits.is_leaf, np.inf, splits.threshold)
        nodes["feature"] = np.where(splits.is_leaf, 0, splits.feature)
        nodes["nan_goes_left"] = splits.nan_goes_left
        children = np.stack([nodes["above"], nodes["not_above"]])
        ends = base + np.repeat(sizes, sizes)
        if (
            not ((children >= base) & (children < ends)).all()
            or not ((nodes["feature"] >= 0) & (nodes["feature"] < n_features)).all()
        ):
            raise ValueError(f"nodes that are no trees over {n_features} features")
        level, depths = _levels(nodes, roots, splits.is_leaf)
        return cls(nodes, roots.astype(np.int32), depths, level, n_features)

    def add_leaves(
        self, rows: NDArray[np.float64], values: NDArray[np.float64], sums: NDArray[np.float64]
    ) -> None:
        """Add to each row's sum the values of the leaves that it reaches, tree after tree.

        Parameters
        ----------
        rows : ndarray of float64, shape (n, n_features)
            NaN goes where each node sends it.
        values : ndarray of float64, shape (n_nodes,)
            Those of inner nodes are not looked at.
        sums : ndarray of float64, shape (n,)
            Changed in place.
        """
        if rows.shape != (len(sums), self.n_features):
            raise ValueError(f"rows of shape {rows.shape}, expected {(len(sums), self.n_features)}")
        if fast := compiled():
            given = (self.nodes, values, self.roots, self.depths, np.ascontiguousarray(rows))
            fast.add_leaves(*(array.view(np.uint8).reshape(-1) for array in given), sums, self.n_features)
            return
        for root, depth in zip(self.roots.tolist(), self.depths.tolist(), strict=True):
            sums += values[self._leaves(rows, root, depth)]

    def _leaves(self, rows: NDArray[np.float64], root: int, depth: int) -> NDArray[np.int64]:
        at, row = np.full(len(rows), root), np.arange(len(rows))
        for _ in range(depth):
            node = self.nodes[at]
            value = rows[row, node["feature"]]
            goes_left = value <= node["threshold"]
            goes_left |= np.isnan(value) & (node["nan_goes_left"] != 0)
            at = np.where(goes_left, node["not_above"], node["above"])
        return at


def _levels(
    nodes: NDArray[np.void], roots: NDArray[np.int64], is_leaf: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Level of each node, and the deepest of each tree."""
    level, depths = np.zeros(len(nodes), np.int32), np.zeros(len(roots), np.int32)
    tree, at = np.arange(len(roots)), roots
    for depth in range(_MAX_DEPTH):
        level[at], depths[tree] = depth, depth
        inner = ~is_leaf[at]
        tree = np.repeat(tree[inner], 2)
        at = np.stack([nodes["above"][at[inner]], nodes["not_above"][at[inner]]], axis=1).ravel()
        if not len(at):
            return level, depths
        if len(at) > len(nodes):
            break
    raise ValueError("nodes that are no trees: they lead in circles")
