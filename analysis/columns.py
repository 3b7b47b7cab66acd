"""The frame's columns: name, unit, which direction is better, meaning with its equation."""

NATS, TEXT, COUNT, SHARE = "nats per image", "text", "count", "share"
FLAG, SECONDS = "true or false", "seconds"

# name: (unit, direction, meaning). ELBO(x) = E_q[log p(x|z) + log p(z) - log q(z|x)], Eq. 2.
TRIAL_COLUMNS = {
    "key": (TEXT, "", "the trial's name: readable part and hash of its fields"),
    "kind": (TEXT, "", "vae, diffusion or two_sample"),
    "state": (TEXT, "", "done, failed or partial, measured by the epochs that the study asked for"),
    "dataset": (TEXT, "", "data set, or path of an .npz file"),
    "train_size": (COUNT, "", "images in D_train"),
    "split": (COUNT, "", "seed of the permutation whose first train_size images are D_train"),
    "source": (
        TEXT,
        "",
        "training distribution: normal, dmaapx, aug_naive, aug_tuned, ...",
    ),
    "source_real_share": (SHARE, "", "share of real images in a batch"),
    "source_k": (COUNT, "", "distinct diffusion samples in units of |D_train|"),
    "source_diffusion_share": (SHARE, "", "share of D_train that the diffusion model saw"),
    "source_pool": (TEXT, "", "key of the diffusion trial, or name of the imported pool"),
    "source_augment": (TEXT, "", "augmentation: naive or tuned (Tables 8-10)"),
    "source_mollify_epochs": (COUNT, "", "length of the mollification schedule in epochs"),
    "network": (TEXT, "", "residual or fully_connected"),
    "likelihood": (TEXT, "", "mixture, gaussian or bernoulli"),
    "m_z": (COUNT, "", "latent multiplier: channels of z (residual), d_z / 16 (fully-connected)"),
    "n_c": (COUNT, "", "inner channels (residual), hidden width (fully-connected)"),
    "seed": (COUNT, "", "seed of the weights and of every draw in training"),
    "lr": ("1", "", "Adam's learning rate"),
    "batch": (COUNT, "", "images in a batch"),
    "weight_decay": ("1", "", "weight decay of Adam"),
    "grad_clip": ("1", "", "largest norm of the gradient; missing: not clipped"),
    "lr_decay_epochs": (COUNT, "", "length of the cosine decay of lr to 0; 0: constant"),
    "mixtures": (COUNT, "", "K, components of the mixture of logistics per pixel"),
    "mol_mix": (TEXT, "", "mixture over colours: joint or per_channel"),
    "sigma": ("1", "", "standard deviation of the Gaussian likelihood on [0, 1]"),
    "gauss_mean_act": (TEXT, "", "activation of the Gaussian's mean: none or sigmoid"),
    "latent_reading": (TEXT, "", "m_z_channels (d_z = 64 m_z at 32 x 32) or channels_x64"),
    "res_inplace_quirk": (FLAG, "", "skip connections carry relu(x) instead of x"),
    "res_second_kernel": (COUNT, "", "side of a residual block's second kernel: 3 or 1"),
    "batch_norm": (FLAG, "", "batch normalization in the fully-connected network"),
    "binarise": (TEXT, "", "how BinaryMNIST is made: threshold, static_bernoulli or dynamic"),
}
ROW_COLUMNS = {
    "epoch": (COUNT, "", "effective epochs trained: passes over |D_train| images, from 1"),
    "train_elbo": (NATS, "higher is better", "mean of ELBO(x) over the real D_train (Eq. 2)"),
    "test_elbo": (NATS, "higher is better", "mean of ELBO(x) over D_test (Eq. 2)"),
    "source_elbo": (NATS, "higher is better", "mean of ELBO(x) over the training distribution"),
    "generalization_gap": (NATS, "lower is better", "G_g = train_elbo - test_elbo (Eq. 3)"),
    "amortization_gap": (
        NATS,
        "lower is better",
        "G_a = mean of ELBO* - ELBO over D_test (Eq. 4)",
    ),
    "robustness_gap": (
        "1",
        "lower is better",
        "G_r = MS-SSIM(x^r, x^a) - MS-SSIM of their reconstructions (Eq. 5)",
    ),
    "train_kl": (NATS, "", "mean of KL(q(z|x) || p(z)) over D_train"),
    "test_kl": (NATS, "", "mean of KL(q(z|x) || p(z)) over D_test"),
    "train_reconstruction": (NATS, "higher is better", "mean of E_q[log p(x|z)] over D_train"),
    "test_reconstruction": (NATS, "higher is better", "mean of E_q[log p(x|z)] over D_test"),
    "test_bits_per_dim": (
        "bits per dimension",
        "lower is better",
        "-test_elbo / (D ln 2), D the dimensions of an image",
    ),
    "parameters": (COUNT, "", "parameters_z + parameters_rest"),
    "parameters_z": (COUNT, "", "|Theta_z|: parameters of the layers next to z (section 4.2)"),
    "parameters_rest": (COUNT, "", "|Theta_not-z|: all other parameters"),
    "d_z": (COUNT, "", "dimensions of z"),
    "seconds": (SECONDS, "", "training time so far, measuring excluded"),
    "images_per_s": ("images per second", "higher is better", "training throughput"),
}
COLUMNS = TRIAL_COLUMNS | ROW_COLUMNS
