"""Trains trials by a made-up objective, in a real results folder, without Ray or torch."""

from scaling.storage.store import Store


class Trained:
    """Trains trials of a results folder by a made-up objective, launch by launch."""

    def __init__(self, root, score, test=lambda trial, epoch: 0.0, failing=lambda trial: False):
        self.store, self.score, self.test, self.failing = Store(root), score, test, failing
        (root / "trials").mkdir(parents=True)
        self.epochs = 0  # trained in total

    def launch(self, scheduled):
        """Trains each trial up to its last epoch, and returns whether any was unfinished."""
        left = [item for item in scheduled if self.folder(item).state(item.epochs) != "done"]
        left = [item for item in left if not self.failing(item.trial) or not self.begun(item)]
        for item in left:
            folder = self.folder(item)
            folder.create(item.trial)
            if self.failing(item.trial):
                folder.fail("loss=nan")
                continue
            for epoch in range(folder.reached() + 1, item.epochs + 1):
                self.epochs += 1
                if item.is_measured(epoch):
                    row = {"validation_elbo": self.score(item.trial, epoch)}
                    row |= {"epoch": epoch, "test_elbo": self.test(item.trial, epoch)}
                    folder.append_row(row)
            folder.finish(item.epochs)
        return bool(left)

    def begun(self, item):
        return self.folder(item).path.exists()

    def folder(self, item):
        return self.store.folder(item.key)

    def run(self, searching):
        """Launches, as the command does, until the search requests nothing more."""
        launches = 0
        while self.launch(searching.now(self.store)):
            launches += 1
        return launches
