"""CIFAR-10-C: seeds, severities, the overall set and the official files."""

import numpy as np
import pytest

from scaling.data.corruptions import cifar10_c as corruptions
from scaling.data.corruptions.cifar10_c import (
    CORRUPTIONS,
    NAMES,
    SEVERITIES,
    CorruptedTest,
    check_official,
    corrupt,
)
from scaling.errors import UsageError


@pytest.fixture(scope="module")
def images():
    """Makes smooth coloured images with some texture, levels (40, 3, 32, 32)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32] / 32
    phase = rng.uniform(0, 6, (40, 3, 1, 1))
    waves = np.sin(7 * x + phase) * np.cos(5 * y - phase) + 0.2 * rng.normal(size=(40, 3, 32, 32))
    return (127.5 + 70 * waves).clip(0, 255).astype(np.uint8)


def test_the_names_are_those_of_the_files():
    assert sorted(NAMES) == sorted(
        "gaussian_noise shot_noise impulse_noise defocus_blur glass_blur motion_blur zoom_blur "
        "snow frost fog brightness contrast elastic_transform pixelate jpeg_compression "
        "speckle_noise gaussian_blur spatter saturate".split()
    )


@pytest.mark.parametrize("name", NAMES)
def test_images_depend_on_the_seed_only_if_the_corruption_draws_numbers(images, name, monkeypatch):
    monkeypatch.setattr(corruptions, "BLOCK", 40)
    first = corrupt(images, name, 3, seed=0)
    assert first.shape == images.shape and first.dtype == np.uint8
    assert (first != images).any((1, 2, 3)).all()
    assert np.array_equal(first, corrupt(images, name, 3, seed=0))
    drawn = not np.array_equal(first, corrupt(images, name, 3, seed=1))
    fixed = {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate"}
    fixed |= {"jpeg_compression", "gaussian_blur", "saturate"}
    assert drawn == (name not in fixed)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_does_not_depend_on_later_images(images, name, monkeypatch):
    whole = corrupt(images, name, 5)
    assert np.array_equal(corrupt(images[:7], name, 5), whole[:7])
    monkeypatch.setattr(corruptions, "BLOCK", 20)
    blocks = corrupt(images, name, 5)
    assert np.array_equal(corrupt(images[:27], name, 5), blocks[:27])
    assert len(blocks) == 40


def test_the_noise_of_severities_and_blocks_is_independent(monkeypatch):
    monkeypatch.setattr(corruptions, "BLOCK", 10)
    grey = np.full((20, 3, 32, 32), 128, np.uint8)
    weak, strong = (corrupt(grey, "gaussian_noise", s).astype(float) - 128 for s in (1, 2))
    for one, other in ((weak, strong), (weak[:10], weak[10:])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"saturate", "elastic_transform"}))
def test_severity_5_is_further_from_the_image_than_severity_1(images, name, monkeypatch):
    """Saturation goes down, then up; elastic waves get weaker as the affine map does."""
    monkeypatch.setattr(corruptions, "BLOCK", 40)
    near, far = (
        ((corrupt(images, name, s).astype(float) - images) ** 2).mean() for s in SEVERITIES[::4]
    )
    assert far > near


@pytest.mark.parametrize("name", NAMES)
def test_black_and_white_images_stay_in_range(name, monkeypatch):
    monkeypatch.setattr(corruptions, "BLOCK", 2)
    flat = np.stack([np.full((3, 32, 32), level, np.uint8) for level in (0, 255)])
    for severity in SEVERITIES:
        assert corrupt(flat, name, severity).shape == flat.shape


def test_every_corruption_has_five_severities():
    assert all(len(constants) == 5 for _, constants in CORRUPTIONS.values())


def test_the_overall_set_takes_each_image_from_one_of_the_19(images, monkeypatch):
    monkeypatch.setattr(corruptions, "BLOCK", 400)
    many = np.concatenate([images] * 10)
    sets = dict(CorruptedTest(many, severity=5, seed=3))
    assert list(sets) == [*NAMES, "overall"]
    overall = sets.pop("overall")
    same = np.stack([(s == overall).all((1, 2, 3)) for s in sets.values()])
    assert same.any(0).all()
    assert same.sum(1).min() >= 5  # of 400 images, 21 are expected for each
    again = dict(CorruptedTest(many, severity=5, seed=3))["overall"]
    other = dict(CorruptedTest(many, severity=5, seed=4))["overall"]
    assert np.array_equal(overall, again) and not np.array_equal(overall, other)


def test_unknown_corruptions_and_grey_images_are_refused(images):
    with pytest.raises(UsageError, match="Unknown corruption 'rain'"):
        corrupt(images, "rain")
    with pytest.raises(UsageError, match="RGB images of 32x32"):
        corrupt(images[:, :1], "fog")


@pytest.fixture
def official(tmp_path, images, monkeypatch):
    """Writes a small CIFAR-10-C of 40 images; each file has its own, slightly brighter copies."""
    monkeypatch.setattr(corruptions, "TEST_IMAGES", 40)
    monkeypatch.setattr(corruptions, "OFFICIAL_SHAPE", (200, 32, 32, 3))
    labels = np.arange(40) % 10
    np.save(tmp_path / "labels.npy", np.tile(labels, 5).astype(np.uint8))
    blocks = [np.maximum(images, 10 * severity) for severity in SEVERITIES]
    for name in NAMES:
        np.save(tmp_path / f"{name}.npy", np.concatenate(blocks).transpose(0, 2, 3, 1))
    return tmp_path, labels


def test_official_files_are_read_at_their_severity(official, images):
    folder, labels = official
    check_official(folder, images, labels)
    for severity in SEVERITIES:
        test = CorruptedTest(images, severity, folder=folder)
        assert np.array_equal(test.read("fog"), np.maximum(images, 10 * severity))
        assert np.array_equal(dict(test)["overall"], test.read("fog"))


def test_official_files_must_be_complete(official, images):
    folder, labels = official
    (folder / "fog.npy").unlink()
    with pytest.raises(UsageError, match="fog.npy missing"):
        check_official(folder, images, labels)


@pytest.mark.parametrize(
    "damage",
    [
        lambda a: a[:-1],
        lambda a: a.astype(np.float32),
        lambda a: a.transpose(0, 3, 1, 2),
        lambda a: np.roll(a, 1, 0),
        # ordered by image instead of severity
        lambda a: a.reshape(5, 40, 32, 32, 3).swapaxes(0, 1).reshape(a.shape),
        lambda a: a[np.random.default_rng(0).permutation(len(a))],
    ],
)
def test_official_files_must_have_shape_and_order(official, images, damage):
    folder, labels = official
    np.save(folder / "snow.npy", damage(np.load(folder / "snow.npy")))
    with pytest.raises(UsageError, match="snow.npy"):
        check_official(folder, images, labels)


def test_official_labels_must_be_those_of_the_test_set(official, images):
    folder, labels = official
    with pytest.raises(UsageError, match="labels"):
        check_official(folder, images, labels[::-1])
