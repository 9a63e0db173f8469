"""Heights of a run of items, in lines, with running sums: a Fenwick tree. Every change and every look-up is O(log n)."""


class Heights:
    """Item `i` (from 0) is `self[i]` lines high; the lines of all items lie one after another."""

    def __init__(self, count: int = 0, each: int = 1) -> None:
        self._heights = [each] * count
        self._tree = [0] + [each * (index & -index) for index in range(1, count + 1)]
        self.total = count * each

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, index: int) -> int:
        return self._heights[index]

    def __setitem__(self, index: int, height: int) -> None:
        change = height - self._heights[index]
        if not change:
            return
        self._heights[index] = height
        self.total += change
        tree, size, node = self._tree, len(self._tree), index + 1
        while node < size:
            tree[node] += change
            node += node & -node

    def append(self, height: int) -> None:
        node = len(self._tree)
        covered, below = height, node - 1
        stop = node - (node & -node)
        while below > stop:
            covered += self._tree[below]
            below -= below & -below
        self._heights.append(height)
        self._tree.append(covered)
        self.total += height

    def above(self, index: int) -> int:
        """How many lines lie above item `index`."""
        lines, tree = 0, self._tree
        while index > 0:
            lines += tree[index]
            index -= index & -index
        return lines

    def at(self, line: int) -> tuple[int, int]:
        """The item that holds that line, and which of its lines it is. Past the end: `(len(self), 0)`."""
        if line < 0:
            line = 0
        if line >= self.total:
            return len(self._heights), 0
        tree, size = self._tree, len(self._tree)
        index = 0
        step = 1 << (size.bit_length() - 1)
        while step:
            below = index + step
            if below < size and tree[below] <= line:
                index = below
                line -= tree[below]
            step >>= 1
        return index, line
